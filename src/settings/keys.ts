import * as z from "zod";

/**
 * The kinds of values in a configuration. Each has one message for everything that can be wrong with a
 * value: a noun phrase that completes "expected …".
 */
export const whole = (from: number, to: number) => {
  const expected = `a whole number from ${from} to ${to}`;
  return z.int({ error: expected }).min(from, expected).max(to, expected);
};

/** A number, limits included. */
export const number = (from: number, to: number) => {
  const expected = `a number from ${from} to ${to}`;
  return z.number({ error: expected }).min(from, expected).max(to, expected);
};

/** A number above `limit`, up to and including `to`. */
export const above = (limit: number, to: number) => {
  const expected = `a number above ${limit} and at most ${to}`;
  return z.number({ error: expected }).gt(limit, expected).max(to, expected);
};

/** `true` or `false`. */
export const flag = () => z.boolean({ error: "true or false" });

/** Text that is not empty and, if a pattern is given, has that form. U+0000 is refused, because no path or topic can hold it. */
export const text = (expected: string, pattern: RegExp = /^.+$/s) =>
  z
    .string({ error: expected })
    .regex(pattern, expected)
    .refine((given) => !given.includes("\0"), "text without U+0000");

const portOf = (given: string): number | undefined => {
  const port = /:(\d+)$/.exec(given)?.[1];
  return port === undefined ? undefined : Number(port);
};

/** A device path, or a URL with a valid host and, if it has a port, a port from 1 to 65535. */
export const url = (expected: string, pattern: RegExp) =>
  text(expected, pattern).refine((given) => {
    const port = portOf(given) ?? 1;
    return given.startsWith("/") || (URL.canParse(given) && port >= 1 && port <= 65_535);
  }, expected);

/** An address to listen on. Port 0 is any free port. */
export const listenAt = (expected: string, pattern: RegExp) =>
  text(expected, pattern).refine((given) => (portOf(given) ?? 0) <= 65_535, expected);

/** One of these words. */
export const oneOf = <const T extends readonly [string, ...string[]]>(...words: T) =>
  z.enum(words, { error: words.length === 1 ? words[0] : `one of ${words.join(", ")}` });

/** A block of these keys. Any other key is a fault. */
export const block = <S extends z.core.$ZodLooseShape>(shape: S) =>
  z.strictObject(shape, { error: `a block of ${Object.keys(shape).join(", ")}` });

/** A list of 1 to `max` items. */
export const listOf = <S extends z.ZodType>(item: S, max: number) => {
  const expected = `a list of 1 to ${max}`;
  return z.array(item, { error: expected }).min(1, expected).max(max, expected);
};
