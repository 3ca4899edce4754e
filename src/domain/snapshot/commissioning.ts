import * as z from "zod";

/**
 * The commissioning list that the service works through for its page, as the page shows it. Words of vocabularies that
 * may grow (kinds, states, codes) are texts in it.
 */

/** What the list says: codes of texts, each the reason for the one before it. `src/commissioning/words` has the texts. */
const Saying = z
  .array(
    z.object({
      code: z.string(),
      values: z
        .array(z.union([z.string(), z.number()]))
        .readonly()
        .optional(),
    }),
  )
  .readonly();

const StepSnapshot = z.object({
  id: z.string().describe("its kind, and its subject behind a colon"),
  kind: z.string(),
  subject: z.string().optional().describe("the VSS path, the button or the broker"),
  state: z.string().describe("waiting, pass, fail or not-fitted"),
  cause: z.string().optional().describe("why it counts as not fitted"),
  says: Saying.optional().describe("why it waits, failed, or counts as not fitted"),
  figures: z
    .record(z.string(), z.union([z.number(), z.boolean(), z.string()]))
    .optional()
    .describe("what was measured, with units in the names"),
});
export type StepSnapshot = z.infer<typeof StepSnapshot>;

export const ListSnapshot = z.object({
  technician: z.string(),
  leftS: z.number().optional().describe("seconds until it ends by itself; absent: it is over"),
  now: Saying.describe("what is to be done now"),
  who: z.string().describe("who has to do it: person; or nobody: it is waited for"),
  ready: z
    .string()
    .optional()
    .describe("the step of the button for which somebody says that he is ready to press it"),
  steps: z.array(StepSnapshot).readonly(),
  over: z
    .object({
      result: z.string().optional().describe("passed, incomplete or failed; absent: there is no report"),
      report: z.number().optional().describe("its number on this unit"),
      fault: z.string().optional().describe("why there is no report, or why dispatch is not told of it"),
    })
    .optional()
    .describe("absent: it is worked through"),
});
export type ListSnapshot = z.infer<typeof ListSnapshot>;
