import type { EmergencyUpdate, Report } from "../domain/report.ts";
import { leaveOut } from "../domain/shortened.ts";

const wire = (report: Report, live: boolean): string => {
  const { data, ...envelope } = report;
  return JSON.stringify({ ...envelope, live, data });
};

/** A report as it goes out on its own topic: JSON, UTF-8. */
export const encodeReport = (report: Report, live: boolean): Buffer => Buffer.from(wire(report, live));

/** Makes RFC 1952 gzip of a text. The simulation passes a synchronous one. */
export type Compress = (text: string) => Promise<Buffer>;

/** A batch for `history`: gzip of NDJSON, one report a line, oldest first. */
export const encodeHistory = (reports: readonly Report[], compress: Compress): Promise<Buffer> =>
  compress(reports.map((report) => `${wire(report, false)}\n`).join(""));

/** Fields of an emergency that can be left out, in this order (contract §4). */
const DISPENSABLE = ["track", "vehicle", "buttons"] as const;

/**
 * An emergency in at most `maxBytes`, or in as few as it can be: shortened as far as needed, with `shortened` naming
 * what was left out.
 */
export const encodeEmergency = (report: EmergencyUpdate, live: boolean, maxBytes: number): Buffer => {
  let { data } = report;
  let payload = encodeReport(report, live);
  for (const field of DISPENSABLE) {
    if (payload.length <= maxBytes) return payload;
    data = leaveOut(data, field);
    payload = encodeReport({ ...report, data }, live);
  }
  return payload;
};
