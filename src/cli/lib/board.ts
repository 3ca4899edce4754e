import type { BoardListener, PanicBoard } from "../../domain/panic.ts";
import { systemTime } from "../../runtime/time.ts";
import { openTty } from "../../runtime/tty.ts";
import type { Settings } from "../../settings/schema.ts";

/** The panic board that a configuration names; undefined if it names none. */
export const panicBoard = async (
  panic: Settings["panic"],
): Promise<((on: BoardListener) => PanicBoard) | undefined> => {
  if (typeof panic !== "object") return undefined;
  const [{ createPanicBoard }, { attachStockBoard }] = await Promise.all([
    import("../../../firmware-bridge/panic-board.ts"),
    import("../../../firmware-bridge/stock-board.ts"),
  ]);
  const buttons = Object.values(panic.buttons);
  const options = {
    path: panic.port,
    openLine: (path: string) => openTty(path, panic.baud, { keepDtr: true }),
    random: Math.random,
    time: systemTime,
    loops: buttons.map(({ loop }) => loop),
    darkLoops: buttons.filter(({ dark }) => dark).map(({ loop }) => loop),
    attachStock: attachStockBoard,
  };
  return (on) => createPanicBoard(options, on);
};
