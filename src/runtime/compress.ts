import { promisify } from "node:util";
import { gzip } from "node:zlib";

/** RFC 1952 gzip in the thread pool. */
export const compress: (text: string) => Promise<Buffer> = promisify(gzip);
