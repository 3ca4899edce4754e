import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ANSWERS, STAGES, type Answer, type EpisodeView } from "../../domain/fleet.ts";
import { useWords } from "./parts.tsx";
import { AnswerError, postAck } from "./server.ts";

/** What became of a button that was pressed here. */
type Order =
  | { readonly kind: "none" }
  | { readonly kind: "asking" }
  | { readonly kind: "sent"; readonly stage: Answer; readonly late: boolean }
  | { readonly kind: "refused"; readonly status: number };

/** A car that is connected answers within a second or two, ms. */
const LATE_MS = 8_000;

const useOrder = ({ unit, episode, state }: EpisodeView) => {
  const [order, setOrder] = useState<Order>({ kind: "none" });
  // What the car reports answers it.
  useEffect(() => setOrder({ kind: "none" }), [state]);
  useEffect(() => {
    if (order.kind !== "sent" || order.late) return undefined;
    const timer = setTimeout(() => setOrder({ ...order, late: true }), LATE_MS);
    return () => clearTimeout(timer);
  }, [order]);
  const send = (stage: Answer): void => {
    setOrder({ kind: "asking" });
    postAck(unit, episode, stage).then(
      () => setOrder((now) => (now.kind === "asking" ? { kind: "sent", stage, late: false } : now)),
      (cause: unknown) =>
        setOrder({ kind: "refused", status: cause instanceof AnswerError ? cause.status : 0 }),
    );
  };
  return { order, send };
};

const Outcome = ({ order }: { readonly order: Order }): JSX.Element | null => {
  const words = useWords();
  if (order.kind === "sent") return <p class="outcome">{order.late ? words.notAnswered : words.sending}</p>;
  if (order.kind !== "refused") return null;
  const { rights, state, broker, other } = words.refused;
  const says: Readonly<Record<number, string>> = { 403: rights, 404: state, 409: state, 503: broker };
  return <p class="outcome bad">{says[order.status] ?? other}</p>;
};

/** An answer that the car has not confirmed in time can be given again: it may be lost. */
const isPending = (order: Order): boolean =>
  order.kind === "asking" || (order.kind === "sent" && !order.late);

type Props = { readonly episode: EpisodeView; readonly operator: string | undefined };

/** The buttons. Clearing asks once more: it is the only one that ends the episode. */
export const Answers = ({ episode, operator }: Props): JSX.Element => {
  const words = useWords();
  const { order, send } = useOrder(episode);
  const [asksAgain, setAsksAgain] = useState(false);
  const { state, wasAccepted, unit } = episode;
  if (operator === undefined) return <p class="outcome">{words.mayOnlyLook}</p>;
  const isPossible = (stage: Answer): boolean =>
    STAGES.indexOf(stage) > STAGES.indexOf(state) && (stage !== "cleared" || wasAccepted);
  const press = (stage: Answer): void => {
    setAsksAgain(stage === "cleared" && !asksAgain);
    if (stage !== "cleared" || asksAgain) send(stage);
  };
  return (
    <div class="answers">
      {ANSWERS.map((stage) => (
        <button
          key={stage}
          type="button"
          class={`act act-${stage}`}
          aria-label={`${stage === "cleared" && asksAgain ? words.confirmClear : words.acts[stage]}: ${unit}`}
          disabled={!isPossible(stage) || isPending(order)}
          onClick={() => press(stage)}
        >
          {stage === "cleared" && asksAgain ? words.confirmClear : words.acts[stage]}
        </button>
      ))}
      {asksAgain && (
        <button type="button" class="plain" onClick={() => setAsksAgain(false)}>
          {words.cancel}
        </button>
      )}
      <div class="answer-state" role="status">
        <Outcome order={order} />
      </div>
    </div>
  );
};
