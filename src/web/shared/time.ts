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

/** A length of time in its two largest units, `1 h 5 min`. The symbols are international (SI, ISO 80000-3). */
export const shownSpan = (ms: number): string => {
  const s = Math.max(0, Math.round(ms / 1_000));
  const [d, h, min] = [Math.floor(s / 86_400), Math.floor(s / 3_600) % 24, Math.floor(s / 60) % 60];
  if (d > 0) return h > 0 ? `${d} d ${h} h` : `${d} d`;
  if (h > 0) return min > 0 ? `${h} h ${min} min` : `${h} h`;
  if (min > 0) return s % 60 > 0 ? `${min} min ${s % 60} s` : `${min} min`;
  return `${s} s`;
};
