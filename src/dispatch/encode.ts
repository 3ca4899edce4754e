import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Report } from "../domain/report.ts";

const compress = promisify(gzip);

const wire = (report: Report, live: boolean): string => {
  const { data, ...envelope } = report;
  return JSON.stringify({ ...envelope, live, data });
};

/** A report as it goes out on its own topic. */
export const encodeReport = (report: Report, live: boolean): Buffer => Buffer.from(wire(report, live));

/** A batch for `history`: gzip of NDJSON, one report a line, oldest first. */
export const encodeHistory = (reports: readonly Report[]): Promise<Buffer> =>
  compress(reports.map((report) => `${wire(report, false)}\n`).join(""));
