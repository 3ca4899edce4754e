import type { LampPattern, OwnPattern } from "./panic.ts";

/**
 * What each pattern looks like: a character for each 0.1 s, `#` lit, `.` dark; after 3.2 s it begins again. The
 * firmware has the same table (firmware-bridge/firmware/lamp.c); a test measures it on the simulated board.
 */
export const LAMP_LOOKS: Readonly<Record<LampPattern | OwnPattern, string>> = {
  idle: "#...............................",
  "no-link": "#.#.............................",
  latched: "#.......#.......#.......#.......",
  stored: "#.......#.......#.......#.......",
  sent: "####....####....####....####....",
  received: "#######.#######.#######.#######.",
  accepted: "################################",
  fault: "#.#.#.#.#.......#.#.#.#.#.......",
  silent: "#...............................",
  "no-host": "#.#.#...........................",
  done: "############....############....",
  refused: "##..##..##......................",
};
