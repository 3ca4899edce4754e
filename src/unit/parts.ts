import type { PanicBoard } from "../domain/panic.ts";
import type { EmergencyData } from "../domain/report.ts";
import { BoardLoan } from "./board-loan.ts";
import { ButtonTests } from "./button-tests.ts";
import { CanPart } from "./can.ts";
import type { Core } from "./core.ts";
import { EmergencyPart } from "./emergency.ts";
import { GpsPart } from "./gps.ts";
import { buttonSettings, listenToBoard } from "./panic.ts";
import { PowerPart } from "./power.ts";

/** Opens the parts of the car, in the order of importance: first what a press needs. */

type Scene = () => Pick<EmergencyData, "position" | "track" | "vehicle">;

export type PanicParts = {
  readonly emergency: EmergencyPart;
  readonly board: PanicBoard | undefined;
  readonly loan: BoardLoan;
  readonly buttonTests: ButtonTests;
  /** Functions that give an emergency the car's position and signals. */
  readonly scenes: Scene[];
};

/** Opens the emergencies and the board. From then on a press is stored. */
export const openPanic = (core: Core, stack: AsyncDisposableStack): PanicParts => {
  const { outbox, link, faults, options, routes, writable, orphans } = core;
  const { clock, time, random, log, board: openBoard } = options.ports;
  const { dispatch } = options.settings;
  const { buttons, testEveryDays } = buttonSettings(options.settings);
  const scenes: Scene[] = [];
  const emergency = stack.use(
    new EmergencyPart({
      outbox,
      link,
      clock,
      time,
      random,
      log,
      prefix: dispatch.prefix,
      buttons,
      scene: () => Object.assign({}, ...scenes.map((scene) => scene())),
    }),
  );
  emergency.copyLeft.listen(({ id, broker, prefix }) => {
    const where = `${broker} ${routes.emergency(id, prefix)}`;
    const detail = `the retained emergency may be left at ${where}: the broker is not configured any more`;
    faults.note({ part: "link", code: "copy-left", where }, detail);
  });
  const buttonTests = new ButtonTests({ buttons, everyDays: testEveryDays, outbox, clock, faults });
  emergency.pressed.listen((press) => buttonTests.press(press));
  orphans.listen((report) => emergency.adopt(report));
  writable.listen((is) => emergency.give({ kind: "fault", part: "outbox", faulty: !is }));
  const board = openBoard?.(listenToBoard(buttons, emergency, faults));
  if (board) {
    stack.use(board);
    emergency.attach(board);
  }
  const loan = stack.use(new BoardLoan(core, emergency, board));
  return { emergency, board, loan, buttonTests, scenes };
};

export type CarParts = {
  readonly gps: GpsPart;
  readonly can: CanPart | undefined;
  readonly power: PowerPart;
};

/** Appends the signals from before a press, after the press itself has been stored and published. */
const keepEvidence = async (
  { outbox }: Core,
  can: CanPart,
  episode: string,
  test: boolean,
): Promise<void> => {
  const drafts = can.evidence(episode, test);
  await outbox.flush().catch(() => undefined); // reported by the outbox
  for (const draft of drafts) {
    // oxlint-disable-next-line no-await-in-loop -- asked again until there is room
    for (let full = outbox.pressure(); full; full = outbox.pressure()) await full;
    outbox.append(draft);
  }
};

/** The receiver, the bus and the computer's own power. */
export const openCar = (core: Core, { emergency, scenes }: PanicParts): CarParts => {
  const { outbox, faults, event, options } = core;
  const { settings, recorded, ports } = options;
  const { clock, time, random, log } = ports;
  const shared = { recorded, clock, time, random, log, faults } as const;
  const flow = { report: core.report, pressure: () => outbox.pressure() } as const;
  const can = ports.can
    ? new CanPart({ ...shared, ...flow, ...ports.can }, (path) => emergency.hasFired(path))
    : undefined;
  const gps = new GpsPart({
    ...shared,
    ...flow,
    source: ports.gps,
    policy: settings.report,
    circumstances: () => ({ emergency: emergency.open, vehicle: can?.motion() }),
  });
  const power = new PowerPart({
    settings: recorded ? undefined : settings.power,
    circumstances: () => ({
      ignition: can?.motion().ignition,
      // Either speed counts: if the ignition is mapped wrongly, the computer must still not be switched off
      // while the car is driven.
      moving: gps.moving() || (can?.motion().speedKmh ?? 0) > 0,
      emergency: emergency.open,
    }),
    mono: () => clock.mono(),
    event,
    log,
    faults,
    power: ports.power,
  });
  emergency.pressed.listen(() => power.pressed());
  scenes.push(() => gps.scene());
  if (can) {
    scenes.push(() => can.snapshot());
    emergency.evidence.listen(({ episode, test }) => void keepEvidence(core, can, episode, test));
    if (settings.can?.airbag !== false)
      can.airbag.listen(({ path, what, mono }) =>
        what === "fired" ? emergency.airbag(path, mono) : emergency.rearmed(path),
      );
    can.second.listen(() => power.look());
  }
  return { gps, can, power };
};
