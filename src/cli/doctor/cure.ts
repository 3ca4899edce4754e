import { remedyOf } from "../lib/active-fault.ts";

/** Sentences for the reader of an event. Doctor prints the detail itself. */
const FOR_OTHERS = /(Read the event's `detail`|Run `doctor`)\. ?/g;

/** What to do about a fault of a device: the catalogue's remedy. Undefined if it has no such fault. */
export const cureOf = (part: string, code: string): string | undefined =>
  remedyOf(part, code)?.replaceAll(FOR_OTHERS, "");
