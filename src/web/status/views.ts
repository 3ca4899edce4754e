/** The views of the page, in the order of their tabs. */
export const TABS = ["now", "position", "vehicle", "panic", "link", "commission"] as const;
export type Tab = (typeof TABS)[number];
