import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { clientId, unitName } from "../domain/identity.ts";
import { connectBroker, LinkError, type LinkFault } from "../dispatch/connection.ts";
import { createRoutes } from "../dispatch/topics.ts";
import { probe } from "../outbox/opening.ts";
import { cardYears, CARD_AMPLIFICATION, ERASURES } from "../outbox/wear.ts";
import { createBackoff } from "../runtime/backoff.ts";
import { createClock } from "../runtime/clock.ts";
import { reasonOf } from "../runtime/log.ts";
import { pause } from "../runtime/wait.ts";
import { loadSettings, type UnitSettings } from "../settings/load.ts";
import { readGps } from "../sources/gps.ts";
import { socketCanSource } from "../sources/socketcan.ts";
import { panicBoard } from "./board.ts";
import { EXIT, options, required, type Command } from "./command.ts";
import { loadMapping } from "./mapping.ts";
import { gpsSource } from "./source.ts";

/** What was found of one part; `cure`: what to do about it, absent where nothing is wrong. */
type Finding = {
  readonly part: string;
  readonly says: string;
  readonly cure?: string;
  /** A device or a broker is not there, as against one that is and does not do well. */
  readonly absent?: boolean;
};

/** The little of the running service's status that is looked at. */
type Running = {
  readonly uptimeS: number;
  readonly writtenMiB?: number;
  readonly clock: string;
  readonly gps: { readonly fix: string; readonly sentences: number; readonly fault?: string };
  readonly can?: { readonly frames: number; readonly dropped: number; readonly state: string };
  readonly panicBoard?: {
    readonly connected: boolean;
    readonly degraded?: boolean;
    readonly loops?: Readonly<Record<string, string>>;
  };
};

const LISTEN_MS = 5_000;
const FRAMES_MS = 3_000;
const BOARD_MS = 6_000;
const BROKER_MS = 10_000;
const LOW_DISK_MIB = 256;
const MIB = 1024 * 1024;
const DAY_S = 86_400;

const sound = (part: string, says: string): Finding => ({ part, says });
const trouble = (part: string, says: string, cure: string, absent = false): Finding => ({
  part,
  says,
  cure,
  absent,
});

const running = async (listen: string): Promise<Running | undefined> => {
  try {
    const response = await fetch(`http://${listen}/status.json`, { signal: AbortSignal.timeout(2_000) });
    const said: unknown = response.ok ? await response.json() : undefined;
    const isOurs = typeof said === "object" && said !== null && "gps" in said && "uptimeS" in said;
    return isOurs ? (said as Running) : undefined;
  } catch {
    return undefined; // no service runs: the devices are free to be tried
  }
};

const gpsFinding = (heard: number, fix: string, fault: string | undefined, port: string): Finding => {
  if (fault !== undefined || heard === 0)
    return trouble("gps", fault ?? `${port} says nothing`, "look at its plug, gps.port and gps.baud", true);
  return fix === "none"
    ? trouble(
        "gps",
        `${heard} sentences, no fix`,
        "put the antenna under the open sky; a cold start takes minutes",
      )
    : sound("gps", `${heard} sentences, fix ${fix}`);
};

const tryGps = async ({ gps }: UnitSettings): Promise<Finding> => {
  const tally = { sentences: 0, fixes: 0, rejected: {} };
  let fix = "none";
  let fault: string | undefined;
  const on = {
    fix: (found: { fix: string }) => (fix = found.fix),
    pressure: () => undefined,
    fault: (_: string, detail: string) => (fault = detail),
    heard: () => undefined,
    rollover: () => undefined,
  };
  const source = await gpsSource(gps);
  await readGps(
    { source, tally, backoff: createBackoff(500, 1_000), hostNow: Date.now },
    on,
    AbortSignal.timeout(LISTEN_MS),
  );
  return gpsFinding(tally.sentences, fix, fault, gps.port);
};

const tryCan = async (can: NonNullable<UnitSettings["can"]>, config: string): Promise<Finding> => {
  let frames = 0;
  try {
    const mapping = loadMapping(can, config);
    for await (const batch of socketCanSource(can.interface).listen(
      mapping.filters,
      AbortSignal.timeout(FRAMES_MS),
    ))
      frames += batch.length;
  } catch (cause) {
    return trouble("can", reasonOf(cause), "see systemd/25-can0.network for how it is set up", true);
  }
  return frames > 0
    ? sound("can", `${can.interface}: ${frames} mapped frames in ${FRAMES_MS / 1000} s`)
    : trouble(
        "can",
        `${can.interface} is up, and brings no mapped frame`,
        "switch the ignition on; look at the wires, the bit rate and the signal map",
      );
};

const boardFinding = (loops: Readonly<Record<string, string>>): Finding => {
  const bad = Object.entries(loops).filter(([, state]) => state !== "normal" && state !== "pressed");
  return bad.length === 0
    ? sound("panic", `the board answers; ${Object.keys(loops).join(", ")}: whole`)
    : trouble(
        "panic",
        bad.map(([name, state]) => `${name} is ${state}`).join(", "),
        "open: a broken wire; short: a crushed cable; stuck: the button itself",
      );
};

const tryBoard = async (panic: UnitSettings["panic"]): Promise<Finding> => {
  const open = await panicBoard(panic);
  if (!open || typeof panic !== "object")
    return panic === "none"
      ? sound("panic", "none, as configured")
      : trouble("panic", "no board is configured", "panic: none says that this is meant");
  let fault: string | undefined;
  await using board = open({
    hello: () => undefined,
    press: () => undefined,
    loop: () => undefined,
    recovered: () => undefined,
    fault: (_, detail) => (fault = detail),
  });
  const until = performance.now() + BOARD_MS;
  // oxlint-disable-next-line no-await-in-loop -- looked at again until it has spoken of its loops
  while (!board.health.loops && performance.now() < until) await pause(100, AbortSignal.timeout(BOARD_MS));
  const { connected, loops } = board.health;
  if (!connected || !loops)
    return trouble(
      "panic",
      fault ?? `${panic.port}: no board answers`,
      "look at its plug and panic.port; is its firmware on it?",
      true,
    );
  return boardFinding(
    Object.fromEntries(
      Object.entries(panic.buttons).map(([name, { loop }]) => [name, loops[loop] ?? "normal"]),
    ),
  );
};

const BROKER_CURE = "the broker's rules must let the unit read and write its own branch";
const BROKER_CURES: Partial<Record<LinkFault, string>> = {
  refused: "is the broker running, and the port right?",
  "unknown-host": "look at the name, and whether this machine can look up names",
  unreachable: "is there a network, and a way out of it?",
  timeout: "is there coverage, and does a firewall let it through?",
  certificate: "look at dispatch.ca, at the broker's certificate, and at this machine's clock",
  unauthorised: "look at username and password, or at the unit's certificate",
  "credentials-unreadable": "put the files there, readable for the service",
  lost: "is it a broker, and the port the one for TLS?",
  failed: "is it a broker, and the port the one for TLS?",
};

/** TLS, credentials, and the right to publish and to subscribe; nothing that dispatch would take for a report. */
const tryBroker = async (broker: string, { unit, dispatch }: UnitSettings): Promise<Finding> => {
  const part = `broker ${broker}`;
  const routes = createRoutes(dispatch.prefix, unitName(unit));
  const { username = unitName(unit), password, ca, cert, key, keepaliveS } = dispatch;
  const given = Object.fromEntries(
    Object.entries({ password, ca, cert, key }).filter(([, value]) => value !== undefined),
  );
  try {
    const connection = await connectBroker(
      broker,
      { clientId: `${clientId(unit)}.doctor`, username, keepaliveS, will: undefined, ...given },
      () => Promise.resolve(),
      AbortSignal.timeout(BROKER_MS),
    );
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    connection.subscribe(routes.subscriptions, (refused) => {
      if (refused) reject(refused);
      else
        connection.publish(routes.reply, Buffer.from('{"id":"doctor","ok":true}'), (error) =>
          error ? reject(error) : resolve(),
        );
    });
    connection.closed.then(reject, reject);
    await promise.finally(() => connection.end());
    return sound(
      part,
      `MQTT ${connection.version === 5 ? "5" : "3.1.1"}, publishing and subscribing allowed`,
    );
  } catch (cause) {
    const known = cause instanceof LinkError;
    return trouble(part, reasonOf(cause), (known && BROKER_CURES[cause.code]) || BROKER_CURE, known);
  }
};

const tryDisk = async (path: string, service: Running | undefined): Promise<Finding[]> => {
  const begun = performance.now();
  try {
    await probe(path);
  } catch (cause) {
    return [trouble("disk", reasonOf(cause), "is it mounted, writable and not full?")];
  }
  const { blocks, bavail, bsize } = statfsSync(dirname(path));
  const freeMiB = Math.floor((bavail * bsize) / MIB);
  const says = `${freeMiB} MiB free, a synced write takes ${(performance.now() - begun).toFixed(0)} ms`;
  const room =
    freeMiB < LOW_DISK_MIB
      ? trouble("disk", says, "make room: the outbox needs it where there is no coverage")
      : sound("disk", says);
  if (service?.writtenMiB === undefined || service.uptimeS < 60)
    return [room, sound("card", "its life is told of a service that has run for a minute")];
  const perDay = (service.writtenMiB / service.uptimeS) * DAY_S;
  const years = cardYears(blocks * bsize, perDay * MIB);
  const life = `${perDay.toFixed(0)} MiB a day: about ${years >= 100 ? "over 100" : years.toFixed(years < 10 ? 1 : 0)} years (${ERASURES} erasures, ${CARD_AMPLIFICATION} times written by the card itself)`;
  return [
    room,
    years < 5 ? trouble("card", life, "an industrial card; a better link writes less") : sound("card", life),
  ];
};

/** `fix`: the receiver has one, so that a service would know the time. */
const clockFinding = (clock: string, fix: boolean): Finding =>
  clock === "unset" && fix
    ? sound("clock", "the receiver's, once the service runs")
    : clock === "unset"
      ? trouble("clock", "the time is not known", "it comes from the receiver's first fix, or from NTP")
      : sound("clock", `set by ${clock}`);

export const doctor: Command = {
  summary: "tries each part for real and says what to do about each that fails",
  usage: `patrol-unit doctor --config FILE [--json]

GPS, CAN, panic board and its loops, disk and card, clock, each broker with TLS and permissions. While
the service runs, its devices are its own: what it says of them is told.
Exit: 0 all is well, 1 something is not, 69 a device or a broker is not there, 78 the configuration.`,
  async run(args) {
    const given = options(args, { config: { type: "string" }, json: { type: "boolean" } });
    const file = required(given.config, "config");
    const { settings, warnings } = loadSettings(file);
    const service = await running(settings.status.listen);
    const { can, panic } = settings;
    const devices = service
      ? [
          gpsFinding(service.gps.sentences, service.gps.fix, service.gps.fault, settings.gps.port),
          ...(service.can
            ? [
                service.can.state === "heard"
                  ? sound("can", `${service.can.frames} frames, ${service.can.dropped} dropped`)
                  : trouble("can", service.can.state, "see the service's log"),
              ]
            : []),
          service.panicBoard?.connected === true
            ? boardFinding(service.panicBoard.loops ?? {})
            : service.panicBoard
              ? trouble("panic", "the board does not answer", "look at its plug", true)
              : await tryBoard(panic),
        ]
      : await Promise.all([tryGps(settings), ...(can ? [tryCan(can, file)] : []), tryBoard(panic)]);
    const findings = [
      ...warnings.map((warning) => trouble("config", warning, "put the file there")),
      ...devices,
      ...(await tryDisk(settings.outbox.path, service)),
      clockFinding(
        service?.clock ?? createClock().now().clock,
        devices.some(({ part, cure }) => part === "gps" && cure === undefined),
      ),
      ...(await Promise.all(settings.dispatch.brokers.map((broker) => tryBroker(broker, settings)))),
    ];
    const lines = findings.map(
      ({ part, says, cure }) =>
        `${cure === undefined ? "ok  " : "FAIL"}  ${part}: ${says}${cure === undefined ? "" : `\n      → ${cure}`}\n`,
    );
    process.stdout.write(
      given.json ? `${JSON.stringify({ serviceRuns: service !== undefined, findings })}\n` : lines.join(""),
    );
    const failed = findings.filter(({ cure }) => cure !== undefined);
    if (failed.length === 0) return EXIT.ok;
    return failed.some(({ absent }) => absent === true) ? EXIT.unavailable : EXIT.failed;
  },
};
