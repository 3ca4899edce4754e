import { buttonOnLoop, type BoardListener, type LoopState, type PanicBoard } from "./domain/panic.ts";
import type { EventData, HealthData } from "./domain/report.ts";
import type { EmergencyDesk } from "./emergency-desk.ts";
import type { Log } from "./runtime/log.ts";

/** Tells dispatch how the panic board and its loops are, and hands its presses on. */
export type BoardDesk = {
  readonly listener: BoardListener;
  health(board: PanicBoard): NonNullable<HealthData["panicBoard"]>;
};

export type BoardDeskOptions = {
  readonly buttons: Readonly<Record<string, { readonly loop: number }>>;
  readonly desk: EmergencyDesk;
  readonly log: Log;
  readonly event: (data: EventData) => void;
  readonly changed: () => void;
};

/** What a technician is told of a loop that is not as it should be. */
const LOOP_FAULTS: Partial<Record<LoopState, string>> = {
  open: "is cut: look for a broken wire or a loose plug",
  short: "is shorted: look for a crushed cable",
  stuck: "has been pressed for 60 s: the button is stuck",
};

export const createBoardDesk = (options: BoardDeskOptions): BoardDesk => {
  const { desk, log, event, changed } = options;
  const broken = new Set<number>();

  const loop = (index: number, state: LoopState): void => {
    const what = `${buttonOnLoop(options.buttons, index)[0]} (loop ${index})`;
    const trouble = LOOP_FAULTS[state];
    if (trouble !== undefined) {
      broken.add(index);
      desk.fault(`loop ${index}`, true);
      log.warn(`${what} ${trouble}`, { part: "panic-loop", fault: state });
      event({ type: "fault", part: "panic-loop", detail: `${what} ${trouble}` });
      changed();
    } else if (broken.delete(index)) {
      desk.fault(`loop ${index}`, false);
      log.info(`${what} is whole again`, { part: "panic-loop" });
      event({ type: "recovered", part: "panic-loop", detail: `${what} is whole again` });
      changed();
    }
  };

  return {
    listener: {
      hello: (board, lastNumber) => desk.meet(board, lastNumber),
      press: (press) => desk.press(press),
      loop,
      fault(code, detail) {
        log.warn(detail, { part: "panic-board", fault: code });
        event({ type: "fault", part: "panic-board", detail });
        changed();
      },
      recovered(detail) {
        log.info(detail, { part: "panic-board" });
        event({ type: "recovered", part: "panic-board", detail });
        changed();
      },
    },
    health({ health }) {
      const { connected, firmware, degraded, supplyMv, loops } = health;
      return {
        connected,
        ...(firmware === undefined ? {} : { firmware }),
        ...(degraded ? { degraded } : {}),
        ...(supplyMv === undefined ? {} : { supplyMv }),
        ...(loops
          ? {
              loops: Object.fromEntries(
                Object.entries(options.buttons).map(([name, button]) => [name, loops[button.loop]!]),
              ),
            }
          : {}),
      };
    },
  };
};
