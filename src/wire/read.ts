import { isUtf8 } from "node:buffer";
import { gunzipSync } from "node:zlib";

/** What dispatch sees in one message: the reports of a batch, or the one thing it carries. */
export type Received =
  | { readonly kind: "json"; readonly topic: string; readonly values: readonly unknown[] }
  | { readonly kind: "cleared"; readonly topic: string }
  | { readonly kind: "unreadable"; readonly topic: string; readonly why: string };

/** A batch unpacks to at most this: a few bytes of gzip can claim gigabytes. */
const BATCH_BYTES = 64 * 1024 * 1024;

/** Throws if the bytes are not UTF-8. To replace wrong bytes could make two different texts equal. */
const textOf = (bytes: Buffer): string => {
  if (!isUtf8(bytes)) throw new TypeError("not UTF-8");
  return bytes.toString("utf8");
};

/** Reads any message of the contract by its topic: gzip NDJSON on `history`, JSON elsewhere. */
export const readMessage = (topic: string, payload: Buffer): Received => {
  if (payload.length === 0) return { kind: "cleared", topic };
  try {
    const text = textOf(
      topic.endsWith("/history") ? gunzipSync(payload, { maxOutputLength: BATCH_BYTES }) : payload,
    );
    const values = topic.endsWith("/history")
      ? text
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as unknown)
      : [JSON.parse(text) as unknown];
    return { kind: "json", topic, values };
  } catch (cause) {
    return { kind: "unreadable", topic, why: cause instanceof Error ? cause.message : String(cause) };
  }
};

/** The JSON of a short message from dispatch; undefined if it is longer than `maxBytes`, or is not JSON in UTF-8. */
export const readJson = (payload: Buffer, maxBytes: number): unknown => {
  if (payload.length > maxBytes) return undefined;
  try {
    return JSON.parse(textOf(payload));
  } catch {
    return undefined;
  }
};
