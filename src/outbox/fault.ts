import { reasonOf } from "../runtime/log.ts";

/** Why the outbox cannot be written. */
export type OutboxFault = {
  readonly code: "disk-full" | "disk-read-only" | "disk-failing";
  /** What the system says. */
  readonly detail: string;
  readonly cause: unknown;
};

const FULL = /no space left|disk quota|no room/i;
const READ_ONLY = /read-only file system|permission denied|operation not permitted/i;

export const faultOf = (cause: unknown): OutboxFault => {
  const detail = reasonOf(cause);
  const code = FULL.test(detail) ? "disk-full" : READ_ONLY.test(detail) ? "disk-read-only" : "disk-failing";
  return { code, detail, cause };
};
