import type { BoardListener, PanicBoard } from "../../domain/panic.ts";
import { systemTime } from "../../runtime/time.ts";
import { openTty } from "../../runtime/tty.ts";
import type { Settings } from "../../settings/schema.ts";

/**
 * The rates at which a board is looked for. A configured one comes first, but the board may have got another
 * firmware since.
 */
export const boardRates = async (configured: number | undefined): Promise<readonly number[]> => {
  const { BOARD_BAUDS } = await import("../../../firmware-bridge/rates.ts");
  return [...new Set([...(configured === undefined ? [] : [configured]), ...BOARD_BAUDS])];
};

type PanicSettings = Extract<Settings["panic"], { readonly port: string }>;

/** What a board must keep to itself because of covert buttons: a part of each `show`. */
export const discretionOf = ({ buttons }: PanicSettings) => {
  const all = Object.values(buttons);
  return {
    darkLoops: all.filter(({ dark }) => dark).map(({ loop }) => loop),
    // In a car with a covert button nothing may draw attention to the board.
    mayTest: all.every(({ silent, dark }) => !silent && !dark),
  };
};

/** The panic board that a configuration names; undefined if it names none. */
export const panicBoard = async (
  panic: Settings["panic"],
): Promise<((on: BoardListener) => PanicBoard) | undefined> => {
  if (typeof panic !== "object") return undefined;
  const [{ createPanicBoard }, { attachStockBoard }] = await Promise.all([
    import("../../../firmware-bridge/panic-board.ts"),
    import("../../../firmware-bridge/stock-board.ts"),
  ]);
  const options = {
    path: panic.port,
    openLine: (path: string, baud: number) => openTty(path, baud, { keepDtr: true }),
    bauds: await boardRates(panic.baud),
    random: Math.random,
    time: systemTime,
    loops: Object.values(panic.buttons).map(({ loop }) => loop),
    ...discretionOf(panic),
    lampSense: panic.lampSense,
    attachStock: attachStockBoard,
  };
  return (on) => createPanicBoard(options, on);
};
