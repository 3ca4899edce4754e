/**
 * Texts that every store of dispatch can keep. PostgreSQL's jsonb takes neither U+0000 nor half of a surrogate pair (section
 * 8.14 of its manual). Pure.
 */

export const isKeepable = (text: string): boolean => text.isWellFormed() && !text.includes("\0");

/** The text with U+FFFD in place of what no store keeps. */
export const keepable = (text: string): string => text.replaceAll("\0", "\uFFFD").toWellFormed();

/** Whether each text in a JSON value is so, keys included. */
export const isKeepableThroughout = (value: unknown): boolean => {
  if (typeof value === "string") return isKeepable(value);
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, inner]) => isKeepable(key) && isKeepableThroughout(inner));
};

/** The JSON value with such texts, keys included. */
export const keepableThroughout = (value: unknown): unknown => {
  if (typeof value === "string") return keepable(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(keepableThroughout);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [keepable(key), keepableThroughout(inner)]),
  );
};
