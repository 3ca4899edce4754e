/** Field readers. Each returns undefined unless the whole field is valid. */

const decimal = /^-?\d{1,12}(?:\.\d{0,12})?$|^-?\.\d{1,12}$/;
const digits = /^\d+$/;

/** A decimal number, optionally negative. */
export const number = (field: string | undefined): number | undefined =>
  field !== undefined && decimal.test(field) ? Number(field) : undefined;

/** A decimal number of 0 or more. */
export const nonNegative = (field: string | undefined): number | undefined => {
  const value = number(field);
  return value !== undefined && value >= 0 ? value : undefined;
};

/** A whole number of up to nine digits, without a sign. */
export const integer = (field: string | undefined): number | undefined =>
  field !== undefined && field.length <= 9 && digits.test(field) ? Number(field) : undefined;

/** `ddmm.mmmm` with its hemisphere, to signed degrees. Refuses minutes of 60 and more. */
const angle = (
  field: string | undefined,
  hemisphere: string | undefined,
  positive: string,
  negative: string,
  limit: number,
): number | undefined => {
  if (hemisphere !== positive && hemisphere !== negative) return undefined;
  const value = nonNegative(field);
  if (value === undefined) return undefined;
  const degrees = Math.floor(value / 100);
  const minutes = value - degrees * 100;
  const result = degrees + minutes / 60;
  if (minutes >= 60 || result > limit) return undefined;
  // Nine decimals are a tenth of a millimetre: beyond them is only binary noise.
  const rounded = Math.round(result * 1e9) / 1e9;
  return hemisphere === negative && rounded !== 0 ? -rounded : rounded;
};

/** Degrees, south negative. */
export const latitude = (field: string | undefined, hemisphere: string | undefined) =>
  angle(field, hemisphere, "N", "S", 90);
/** Degrees, west negative. */
export const longitude = (field: string | undefined, hemisphere: string | undefined) =>
  angle(field, hemisphere, "E", "W", 180);

export const DAY_MS = 86_400_000;

const clockTime = /^(\d{2})(\d{2})(\d{2})(?:\.(\d{1,9}))?$/;

/** `hhmmss.sss` to milliseconds of the day. Second 60 (leap) is the first of the next minute. */
export const timeOfDay = (field: string | undefined): number | undefined => {
  const match = field === undefined ? null : clockTime.exec(field);
  if (!match) return undefined;
  const [, hh, mm, ss, fraction = "0"] = match;
  const hours = Number(hh);
  const minutes = Number(mm);
  const seconds = Number(ss);
  if (hours > 23 || minutes > 59 || seconds > 60) return undefined;
  // A leap second is inserted at 23:59:60 UTC. Other hours are accepted, other minutes are not.
  if (seconds === 60 && minutes !== 59) return undefined;
  return (hours * 3600 + minutes * 60 + seconds) * 1000 + Math.round(Number(`0.${fraction}`) * 1000);
};

/** Midnight UTC of a calendar day, or undefined if there is no such day. */
const midnight = (year: number, month: number, day: number): number | undefined => {
  const at = Date.UTC(year, month - 1, day);
  const check = new Date(at);
  return check.getUTCMonth() === month - 1 && check.getUTCDate() === day ? at : undefined;
};

/** The first year that GPS time can name. */
const FIRST_YEAR = 1980;

/** RMC's `ddmmyy`. The century pivots at 1980. */
export const shortDate = (field: string | undefined): number | undefined => {
  if (field?.length !== 6 || !digits.test(field)) return undefined;
  const yy = Number(field.slice(4, 6));
  return midnight(
    yy + (yy < FIRST_YEAR - 1900 ? 2000 : 1900),
    Number(field.slice(2, 4)),
    Number(field.slice(0, 2)),
  );
};

/**
 * ZDA's day, month and year. The year has four digits: a longer one is damage or a receiver's fault, and
 * no date is better than a wrong one.
 */
export const longDate = (
  day: string | undefined,
  month: string | undefined,
  year: string | undefined,
): number | undefined => {
  const [dd, mm, yyyy] = [integer(day), integer(month), year?.length === 4 ? integer(year) : undefined];
  return dd === undefined || mm === undefined || yyyy === undefined || yyyy < FIRST_YEAR
    ? undefined
    : midnight(yyyy, mm, dd);
};

/** A course over ground: 360 is 0. */
export const course = (field: string | undefined): number | undefined => {
  const value = nonNegative(field);
  return value === undefined || value > 360 ? undefined : value % 360;
};
