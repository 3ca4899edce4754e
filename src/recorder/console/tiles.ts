import { open, stat, type FileHandle } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";

/** One local file of map tiles (PMTiles 3), served by byte ranges (RFC 9110 §14). */

/** The page reads a directory or a tile at once: the most bytes of one answer. */
const MOST_BYTES = 4 * 1024 * 1024;

/** PMTiles 3, header: magic of 7 bytes, version at 7, type of tiles at 99 (2 PNG, 3 JPEG, 4 WebP, 5 AVIF). */
const HEADER_BYTES = 127;
const RASTER: ReadonlySet<number> = new Set([2, 3, 4, 5]);

/** Why a file cannot be used as a map; undefined: it can. */
const faultOf = (header: Buffer): string | undefined => {
  if (header.length < HEADER_BYTES || header.toString("latin1", 0, 7) !== "PMTiles" || header[7] !== 3)
    return "it is not a PMTiles file of version 3";
  if (!RASTER.has(header[99] ?? 0)) return "it has vector tiles; expected PNG, JPEG, WebP or AVIF";
  return undefined;
};

type Range = { readonly from: number; readonly to: number };

/**
 * The one range of a `Range` header, inclusive, cut at the end of the file and to the most bytes. Undefined: there is no such
 * range in the file, or the header has another form.
 */
export const rangeOf = (header: string | undefined, size: number): Range | undefined => {
  const match = /^bytes=(\d{1,15})-(\d{1,15})?$/.exec(header ?? "");
  if (!match) return undefined;
  const from = Number(match[1]);
  const to = Math.min(match[2] === undefined ? size - 1 : Number(match[2]), size - 1, from + MOST_BYTES - 1);
  return from <= to ? { from, to } : undefined;
};

export class TileFile implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #size: number;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** Opens the file. Throws an Error that says why it cannot be used. */
  static async open(path: string): Promise<TileFile> {
    if (!(await stat(path)).isFile()) throw new Error("it is not a regular file");
    const file = await open(path, "r");
    try {
      const header = Buffer.alloc(HEADER_BYTES);
      const { bytesRead } = await file.read(header, 0, HEADER_BYTES, 0);
      const fault = faultOf(header.subarray(0, bytesRead));
      if (fault !== undefined) throw new Error(fault);
      return new TileFile(file, (await file.stat()).size);
    } catch (cause) {
      await file.close();
      throw cause;
    }
  }

  /** Answers a request for a range with 206, and any other with 416. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const range = rangeOf(request.headers.range, this.#size);
    if (!range) {
      response
        .writeHead(416, { "content-type": "text/plain", "content-range": `bytes */${this.#size}` })
        .end("expected one range of bytes\n");
      return;
    }
    const bytes = Buffer.alloc(range.to - range.from + 1);
    const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, range.from);
    response.writeHead(206, {
      "content-type": "application/octet-stream",
      "content-range": `bytes ${range.from}-${range.from + bytesRead - 1}/${this.#size}`,
      "content-length": bytesRead,
    });
    response.end(bytes.subarray(0, bytesRead));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
