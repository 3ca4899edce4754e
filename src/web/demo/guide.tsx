import type { JSX } from "preact";
import { STEPS, type Step } from "../../domain/demo.ts";
import { useWords } from "./words.ts";

/** The step to do now. Undefined: all are done. Steps may be done in any order. */
export const nextStep = (done: readonly Step[]): Step | undefined =>
  STEPS.find((step) => !done.includes(step));

/** The path for a first visitor. Each step ticks itself. */
export const Guide = ({ done }: { readonly done: readonly Step[] }): JSX.Element => {
  const words = useWords();
  const now = nextStep(done);
  return (
    <section class="guide" aria-label={words.guide}>
      <ol>
        {STEPS.map((step, n) => {
          const isDone = done.includes(step);
          const { title, hint } = words.steps[step];
          return (
            <li
              key={step}
              data-step={step}
              class={isDone ? "done" : step === now ? "now" : ""}
              aria-current={step === now ? "step" : undefined}
            >
              <span class="mark" aria-hidden="true">
                {isDone ? "✓" : n + 1}
              </span>
              <div>
                <strong>{title}</strong>
                {isDone && <span class="unseen"> {words.done}</span>}
                <p>{hint}</p>
              </div>
            </li>
          );
        })}
      </ol>
      <p class="unseen" role="status">
        {now === undefined ? words.all : words.steps[now].title}
      </p>
    </section>
  );
};
