import { remembered } from "./remembered.ts";

/** `auto`: as the viewer's system says. */
export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const stored = remembered("patrol-unit.theme");

export const storedTheme = (): Theme => THEMES.find((theme) => theme === stored.get()) ?? "auto";

/** Shows the theme: `theme.css` has the colours for each value of `data-theme`. */
export const showTheme = (theme: Theme): void => {
  stored.set(theme);
  document.documentElement.dataset["theme"] = theme;
};
