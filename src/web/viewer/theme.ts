import { useLayoutEffect, useState } from "preact/hooks";
import { remembered } from "./remembered.ts";

/** `auto`: as the viewer's system says. */
export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

/** Names the theme in the page (`theme.css` has its colours), and follows the system if it decides. */
const show = (theme: Theme): (() => void) => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const name = (): void => {
    const ofSystem = dark.matches ? "dark" : "light";
    document.documentElement.dataset["theme"] = theme === "auto" ? ofSystem : theme;
  };
  name();
  dark.addEventListener("change", name);
  return () => dark.removeEventListener("change", name);
};

/**
 * The viewer's theme, which is remembered. `choose` remembers another one; `follow` shows one that somebody else
 * decides, for now.
 */
export const useTheme = (): {
  readonly theme: Theme;
  readonly choose: (theme: Theme) => void;
  readonly follow: (theme: Theme) => void;
} => {
  const [stored] = useState(() => remembered("patrol-unit.theme"));
  const [theme, follow] = useState<Theme>(() => THEMES.find((one) => one === stored.get()) ?? "auto");
  // Before the first paint: a page that is white for a moment dazzles at night.
  useLayoutEffect(() => show(theme), [theme]);
  const choose = (chosen: Theme): void => {
    stored.set(chosen);
    follow(chosen);
  };
  return { theme, choose, follow };
};
