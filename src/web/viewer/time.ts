/** An instant for the viewer's eyes and, on hover or focus, in UTC. */
export type ShownTime = {
  /** In the viewer's zone, `14:03:07`; with the day if it is not today. */
  readonly text: string;
  /** ISO 8601 in UTC, to the second. */
  readonly utc: string;
};

/** `at` and `now` are UTC milliseconds. `zone`: an IANA name; undefined: the viewer's own. */
export const shownTime = (at: number, now: number, locale: string, zone?: string): ShownTime => {
  const options: Intl.DateTimeFormatOptions = {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZone: zone,
  };
  const day = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeZone: zone });
  const time = new Intl.DateTimeFormat(locale, options).format(at);
  const isToday = day.format(at) === day.format(now);
  return {
    text: isToday ? time : `${day.format(at)} ${time}`,
    utc: `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`,
  };
};

const NBSP = "\u00A0";

/**
 * A length of time in its two largest units, `1 h 5 min`. The symbols are international (SI, ISO 80000-3). A number
 * and its symbol are not parted at the end of a line.
 */
export const shownSpan = (ms: number): string => {
  const s = Math.max(0, Math.round(ms / 1_000));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(s / 86_400), "d"],
    [Math.floor(s / 3_600) % 24, "h"],
    [Math.floor(s / 60) % 60, "min"],
    [s % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  const shown = parts
    .slice(first)
    .slice(0, 2)
    .filter(([count]) => count > 0);
  return shown.length === 0
    ? `0${NBSP}s`
    : shown.map(([count, symbol]) => `${count}${NBSP}${symbol}`).join(" ");
};
