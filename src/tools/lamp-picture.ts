import { LAMP_LOOKS } from "../domain/lamp-looks.ts";

/** A drill begins with long, short, long, and then shows what an emergency would. */
const DRILL = "###.#.###.......................";
const DARK = ".".repeat(32);

/** What the lamp shows in 3.2 s: a character for each 0.1 s, █ lit, · dark. `none`: no light; `drill`: how one begins. */
export const picture = (row: keyof typeof LAMP_LOOKS | "none" | "drill"): string => {
  const look = row === "none" ? DARK : row === "drill" ? DRILL : LAMP_LOOKS[row];
  return look.replaceAll("#", "█").replaceAll(".", "·");
};
