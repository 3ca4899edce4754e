import type { Cause } from "../domain/commissioning.ts";
import type { Step } from "./plan.ts";
import { ENGLISH, type ListWords } from "./words/english.ts";

/** The steps in words. */

type Named = { readonly kind: Step["kind"]; readonly subject?: string | undefined };

/** What a step shows. */
export const titleOf = ({ kind, subject }: Named, { title }: Pick<ListWords, "title"> = ENGLISH): string =>
  subject === undefined ? title[kind] : `${title[kind]} ${subject}`;

type Ended = {
  readonly state: "waiting" | "pass" | "fail" | "not-fitted";
  /** Why it is not fitted. */
  readonly cause?: Cause | undefined;
};

/** How a step ended, in one or two words. */
export const outcomeOf = (
  { state, cause = "not-configured" }: Ended,
  { outcome }: Pick<ListWords, "outcome"> = ENGLISH,
): string => outcome[state === "not-fitted" ? cause : state];
