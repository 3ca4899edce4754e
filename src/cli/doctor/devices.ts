import { SourceError } from "../../domain/bytes.ts";
import { reasonOf } from "../../runtime/log.ts";
import { pause } from "../../runtime/wait.ts";
import type { Configuration, UnitSettings } from "../../settings/load.ts";
import { systemTime } from "../../runtime/time.ts";
import { readGps } from "../../unit/receiver.ts";
import { missingCanLibrary } from "../../sources/can/library.ts";
import { panicBoard } from "../lib/board.ts";
import { canSource, gpsSource } from "../lib/source.ts";
import { cureOf } from "./cure.ts";
import { sound, trouble, warning, type Finding } from "./finding.ts";
import { servedDevices } from "./served.ts";
import type { Service } from "./service.ts";
import { boardFinding, gpsFinding, type DeviceFault } from "./verdicts.ts";

const LISTEN_MS = 5_000;
const FRAMES_MS = 3_000;
/** Opening its port can reset the board, which then takes seconds to answer; so does an old firmware. */
const BOARD_MS = 10_000;
/** Faults that waiting does not end. */
const HOPELESS = new Set(["absent", "denied"]);

const tryGps = async (gps: UnitSettings["gps"]): Promise<Finding | undefined> => {
  if (!gps) return undefined; // already reported as a fault of the configuration
  const tally = { sentences: 0, fixes: 0, rejected: {} };
  let fix = "none";
  let fault: DeviceFault | undefined;
  const on = {
    fix: (found: { fix: string }) => (fix = found.fix),
    pressure: () => undefined,
    fault: (code: string, detail: string) => (fault = { code, detail }),
    heard: () => undefined,
    rollover: () => undefined,
  };
  const source = await gpsSource(gps);
  await readGps(
    { source, tally, time: systemTime, random: Math.random, now: Date.now, mono: () => performance.now() },
    on,
    AbortSignal.timeout(LISTEN_MS),
  );
  return gpsFinding(tally.sentences, fix, fault, gps.port);
};

const tryCan = async ({ settings, mapping }: Configuration): Promise<Finding | undefined> => {
  const { can } = settings;
  if (!can || !mapping) return undefined;
  const library = await missingCanLibrary(can.driver);
  if (library) return trouble("can", library.says, library.cure);
  let frames = 0;
  let note = "";
  try {
    for await (const batch of canSource(can, (line) => (note = `; ${line}`)).listen(
      mapping.filters,
      AbortSignal.timeout(FRAMES_MS),
    ))
      frames += batch.length;
  } catch (cause) {
    const remedy = cause instanceof SourceError ? cureOf("can", cause.code) : undefined;
    return trouble("can", reasonOf(cause), remedy ?? "set it up as in systemd/25-can0.network", true);
  }
  return frames > 0
    ? sound("can", `${can.interface}: ${frames} mapped frames in ${FRAMES_MS / 1000} s${note}`)
    : trouble(
        "can",
        `${can.interface} is up, but no mapped frame arrives`,
        "switch the ignition on; check the wires, the bit rate and the signal map",
      );
};

/** `off`: a fault of the configuration has switched the board off, and is already reported. */
type Panic = UnitSettings["panic"] | "off";

const tryBoard = async (panic: Panic): Promise<Finding | undefined> => {
  if (panic === "off") return undefined;
  const open = await panicBoard(panic);
  if (!open || typeof panic !== "object")
    return panic === "none"
      ? warning("panic", "none: no button of this car works")
      : trouble(
          "panic",
          "no board is configured",
          "add a panic block, or write panic: none if the car has none",
        );
  let fault: DeviceFault | undefined;
  await using board = open({
    hello: () => undefined,
    press: () => undefined,
    released: () => undefined,
    loop: () => undefined,
    recovered: () => undefined,
    trouble: () => undefined,
    fault: (code, detail) => (fault = { code, detail }),
  });
  const until = performance.now() + BOARD_MS;
  const patience = AbortSignal.timeout(BOARD_MS);
  const isHopeless = (): boolean => fault !== undefined && HOPELESS.has(fault.code);
  // A heartbeat, which reports the loops, may come before the hello.
  const answered = () => (board.health.connected ? board.health.loops : undefined);
  while (!answered() && !isHopeless() && performance.now() < until)
    // oxlint-disable-next-line no-await-in-loop -- polled until the board has answered
    await pause(100, patience, systemTime);
  const loops = answered();
  if (!loops)
    return trouble(
      "panic",
      fault?.detail ?? `${panic.port}: no board answers`,
      cureOf("panic-board", fault?.code ?? "silent") ?? "check its plug and panic.port; is it programmed?",
      true,
    );
  return boardFinding(
    Object.fromEntries(
      Object.entries(panic.buttons).map(([name, { loop }]) => [name, loops[loop] ?? "normal"]),
    ),
  );
};

/** GPS, CAN and panic board: tried here, or as the running service reports them. */
export const tryDevices = async (
  configuration: Configuration,
  service: Service | undefined,
): Promise<Finding[]> => {
  const { settings, faults } = configuration;
  const isFaulty = settings.panic === undefined && faults.some(({ part }) => part === "panic-board");
  const panic = isFaulty ? "off" : settings.panic;
  const found = service
    ? [...(await servedDevices(service, settings)), service.panicBoard ? undefined : await tryBoard(panic)]
    : await Promise.all([tryGps(settings.gps), tryCan(configuration), tryBoard(panic)]);
  return found.filter((finding) => finding !== undefined);
};
