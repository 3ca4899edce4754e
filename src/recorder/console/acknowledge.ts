import * as z from "zod";
import { ANSWERS, STAGES, type Answer, type EpisodeView } from "../../domain/fleet.ts";

/** What becomes of a request to acknowledge an emergency. Pure. */

/** The body of `POST /ack`. */
export const AckOrder = z.object({
  unit: z.string().max(65),
  episode: z.string().max(64),
  stage: z.enum(ANSWERS),
});
export type AckOrder = z.infer<typeof AckOrder>;

export type AckVerdict =
  | { readonly kind: "publish"; readonly stage: Answer; readonly by: string }
  | { readonly kind: "refuse"; readonly status: 403 | 404 | 409; readonly reason: string };

const refuse = (status: 403 | 404 | 409, reason: string): AckVerdict => ({ kind: "refuse", status, reason });

/**
 * A stage must be later than the present one, and only what a person has accepted can be cleared. A unit refuses a
 * `cleared` that came before dispatch could see a further press, and the episode is active again: then it can be cleared
 * without being accepted a second time.
 */
export const judgeAck = (
  { stage }: AckOrder,
  episode: EpisodeView | undefined,
  operator: string | undefined,
): AckVerdict => {
  if (operator === undefined)
    return refuse(403, "this console may only look: start it with --operator NAME to acknowledge");
  if (!episode) return refuse(404, "no such emergency is known here");
  if (episode.ended) return refuse(409, "the emergency has ended");
  if (STAGES.indexOf(stage) <= STAGES.indexOf(episode.state))
    return refuse(409, `the emergency is ${episode.state} already`);
  if (stage === "cleared" && !episode.wasAccepted)
    return refuse(409, "the emergency must be accepted before it is cleared");
  return { kind: "publish", stage, by: operator };
};
