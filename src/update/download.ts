import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";

/** Downloads a package over HTTPS. What has come is kept: an attempt goes on where the last one ended (RFC 9110, Range). */

export type Download = {
  readonly url: string;
  readonly file: string;
  /** The size of the whole. */
  readonly bytes: number;
  /** Authorities in PEM. Undefined: those of Node. */
  readonly ca: readonly string[] | undefined;
  readonly signal: AbortSignal;
};

const OK = 200;
const PARTIAL = 206;
/** Without a byte for so long, the server or the link is gone. */
const IDLE_MS = 60_000;

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

const ask = ({ url, ca, signal }: Download, headers: Record<string, string>): Promise<IncomingMessage> => {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = get(
    url,
    { headers, signal, timeout: IDLE_MS, ...(ca === undefined ? {} : { ca: [...ca] }) },
    resolve,
  );
  request.on("error", reject);
  request.on("timeout", () => request.destroy(new Error(`${url}: nothing came for ${IDLE_MS / 1_000} s`)));
  return promise;
};

/** The bytes up to `limit`. Throws if there are more. */
async function* limited(response: AsyncIterable<Buffer>, limit: number, url: string) {
  let left = limit;
  for await (const chunk of response) {
    left -= chunk.length;
    if (left < 0) throw new Error(`${url} has more bytes than were signed`);
    yield chunk;
  }
}

/** Resolves when the file has all its bytes; what they are is not checked. Rejects if not: call it again later. */
export const download = async (what: Download): Promise<void> => {
  const { url, file, bytes } = what;
  const had = sizeOf(file);
  if (had === bytes) return;
  const isBegun = had > 0 && had < bytes;
  const response = await ask(what, isBegun ? { range: `bytes=${had}-` } : {});
  const { statusCode, headers } = response;
  const goesOn = statusCode === PARTIAL && headers["content-range"]?.startsWith(`bytes ${had}-`) === true;
  if (statusCode !== OK && !(isBegun && goesOn)) {
    response.destroy();
    throw new Error(`${url}: the server answers ${statusCode}`);
  }
  const from = statusCode === OK ? 0 : had;
  {
    await using target = await open(file, from === 0 ? "w" : "a");
    // Write each chunk before the next is read: a stream that breaks off would lose what it still buffers.
    for await (const chunk of limited(response, bytes - from, url)) await target.writeFile(chunk);
    await target.sync();
  }
  const has = sizeOf(file);
  if (has < bytes) throw new Error(`${url} ended after ${has} of ${bytes} bytes`);
};
