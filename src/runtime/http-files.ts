import { readdirSync, readFileSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

/** The types of files that are served. A file of another type is not. */
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".txt": "text/plain; charset=utf-8",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".wav": "audio/wav",
};
const COMPRESSIBLE = /^(?:text\/|application\/|image\/svg)/;
/** Vite puts a digest of 8 characters into the names of what a page loads. */
const HASHED = /-[\w-]{8}\.\w+$/;
/** Files of a folder; more are not served. */
const MOST_FILES = 256;
/** A larger file is not served. */
const MOST_BYTES = 4 * 1024 * 1024;
/**
 * Bytes of files that are kept in memory, and as much again for their compressed copies. Beyond that a file is read at
 * each request, and sent as it is.
 */
const MOST_KEPT_BYTES = 2 * 1024 * 1024;
/** The folder is listed again at most this often. */
const LIST_MS = 1_000;

type Listed = { readonly path: string; readonly etag: string; readonly bytes: number };

/**
 * The files of a folder by their path in a URL: `/assets/x.js`. Links and hidden files are left out. Only what is in
 * this list is served, so no path of a request reaches the file system.
 */
const list = (folder: string): Map<string, Listed> => {
  const files = new Map<string, Listed>();
  const walk = (inside: string): void => {
    for (const entry of readdirSync(join(folder, inside), { withFileTypes: true })) {
      const name = `${inside}/${entry.name}`;
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) walk(name);
      if (!entry.isFile() || files.size >= MOST_FILES) continue;
      const path = join(folder, name);
      const { size, mtimeMs } = statSync(path);
      const etag = `"${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}"`;
      if (size <= MOST_BYTES) files.set(name, { path, etag, bytes: size });
    }
  };
  try {
    walk("");
  } catch {
    files.clear(); // the folder is not there, or is being built: nothing is served now
  }
  return files;
};

/** Whether the client takes gzip (RFC 9110 §12.5.3): named, and not with the weight 0. */
const takesGzip = ({ headers: { "accept-encoding": codings = "" } }: IncomingMessage): boolean =>
  codings
    .split(",")
    .map((one) =>
      one
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/, 2),
    )
    .some(([coding, weight = ""]) => coding === "gzip" && !/^q=0(\.0*)?$/.test(weight));

/** The path of a URL, decoded once; undefined: it cannot be decoded. */
const decoded = (path: string): string | undefined => {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
};

const pack = promisify(gzip);

const send = (body: Buffer, { method }: IncomingMessage, response: ServerResponse): void => {
  response.setHeader("content-length", body.length);
  response.writeHead(200).end(method === "HEAD" ? undefined : body);
};

/** Copies of files in memory, up to `MOST_KEPT_BYTES`. `bytes`: of the files, as they are listed. */
class Kept<Copy> {
  readonly #copies = new Map<string, Copy>();
  #bytes = 0;

  get(name: string): Copy | undefined {
    return this.#copies.get(name);
  }

  /** Whether there is room for a file. */
  hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= MOST_KEPT_BYTES;
  }

  set(name: string, bytes: number, copy: Copy): void {
    this.#bytes += bytes;
    this.#copies.set(name, copy);
  }

  clear(): void {
    this.#copies.clear();
    this.#bytes = 0;
  }
}

/** Serves the files of a page, from memory: who asks often must not keep the event loop busy. */
export class StaticFiles {
  readonly #folder: string;
  readonly #mono: () => number;
  #files: Map<string, Listed> | undefined;
  #listedMs = -Infinity;
  readonly #read = new Kept<Buffer>();
  readonly #compressed = new Kept<Promise<Buffer>>();

  /** `mono`: milliseconds on a clock that never jumps. */
  constructor(folder: string, mono: () => number = () => performance.now()) {
    this.#folder = folder;
    this.#mono = mono;
  }

  /**
   * Answers GET and HEAD of a path. `/` is `index.html`. Returns false if there is no such file, and then has not
   * answered. `headers`: added to those of a document (HTML).
   */
  serve(
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    headers: Record<string, string>,
  ): boolean {
    const name = path === "/" ? "/index.html" : decoded(path);
    // A page that was built since is read again: the names in it are new.
    if (!this.#files || name === "/index.html") this.#list();
    const file = name === undefined ? undefined : this.#files?.get(name);
    const type = name === undefined ? undefined : TYPES[extname(name)];
    if (name === undefined || !file || type === undefined) return false;
    response.setHeader("content-type", type);
    response.setHeader("etag", file.etag);
    response.setHeader("vary", "accept-encoding");
    response.setHeader(
      "cache-control",
      HASHED.test(name) ? "public, max-age=31536000, immutable" : "no-cache",
    );
    if (type.startsWith("text/html"))
      for (const [key, value] of Object.entries(headers)) response.setHeader(key, value);
    if (request.headers["if-none-match"] === file.etag) {
      response.writeHead(304).end();
      return true;
    }
    const smaller = COMPRESSIBLE.test(type) && takesGzip(request);
    const packed = smaller ? this.#packed(name, file) : undefined;
    if (packed) this.#sendPacked(packed, () => this.#bytesOf(name, file), request, response);
    else send(this.#bytesOf(name, file), request, response);
    return true;
  }

  #list(): void {
    const now = this.#mono();
    if (now - this.#listedMs < LIST_MS) return;
    this.#listedMs = now;
    const before = this.#files;
    const files = list(this.#folder);
    this.#files = files;
    const isSame =
      before?.size === files.size && [...files].every(([name, { etag }]) => before.get(name)?.etag === etag);
    if (isSame) return;
    this.#read.clear();
    this.#compressed.clear();
  }

  #bytesOf(name: string, { path, bytes }: Listed): Buffer {
    const known = this.#read.get(name);
    if (known) return known;
    const body = readFileSync(path);
    if (this.#read.hasRoom(bytes)) this.#read.set(name, bytes, body);
    return body;
  }

  /** A compressed copy: a file beside it (`.gz`), else compressed once. Undefined: too many are kept already. */
  #packed(name: string, file: Listed): Promise<Buffer> | undefined {
    const known = this.#compressed.get(name);
    if (known) return known;
    const ready = this.#files?.get(`${name}.gz`);
    if (ready) return Promise.resolve(this.#bytesOf(`${name}.gz`, ready));
    if (!this.#compressed.hasRoom(file.bytes)) return undefined;
    // In another thread: the loop has presses to store.
    const packed = pack(this.#bytesOf(name, file));
    this.#compressed.set(name, file.bytes, packed);
    return packed;
  }

  #sendPacked(
    packed: Promise<Buffer>,
    plain: () => Buffer,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    packed
      .then(
        (body) => {
          response.setHeader("content-encoding", "gzip");
          send(body, request, response);
        },
        () => send(plain(), request, response),
      )
      .catch(() => response.destroy()); // the file has gone since it was listed
  }
}

/** The folder of a built page: beside the bundle, or, when run from source, in the checkout's `dist`. */
export const pageFolder = (page: "status" | "console" | "demo"): string => {
  const isBundle = !import.meta.url.endsWith(".ts");
  return fileURLToPath(new URL(`${isBundle ? "./web" : "../../dist/web"}/${page}`, import.meta.url));
};
