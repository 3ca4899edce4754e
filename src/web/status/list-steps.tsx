import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { textOf } from "../../commissioning/saying.ts";
import type { Snapshot } from "../../domain/snapshot.ts";
import { useFormat, type Format } from "../viewer/number-format.ts";
import { isStage, shownLeg } from "./legs.ts";
import { own, useOrders } from "./list-orders.tsx";
import { Glyph, type Shape } from "./parts.tsx";
import type { Words } from "./words/english.ts";
import { useWords } from "./words.ts";

type List = NonNullable<Snapshot["commissioning"]>;
type Step = List["steps"][number];

/** The texts of the list are parts of sentences. */
export const asSentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

const SHAPES: Readonly<Record<string, Shape>> = {
  pass: "good",
  fail: "bad",
  skipped: "watch",
  waiting: "unknown",
};
/** How a step stands: its state, or the cause for which it counts as not fitted. */
const standingOf = ({ state, cause }: Step): string => (state === "not-fitted" ? (cause ?? "") : state);

/** One figure in words that the page has already. Those that the step says anyway are left out. */
const figureText = (
  name: string,
  value: string | number | boolean,
  { from }: NonNullable<Step["figures"]>,
  { panic, position, fact, link }: Words,
  { number, quantity }: Format,
): string | undefined => {
  const stage = name.slice(0, -2);
  if (typeof value === "number") {
    if (name.endsWith("Ms") && isStage(stage)) return `${panic.stage[stage]} ${shownLeg(value, number)}`;
    if (name === "worstAccuracyM") return `${position.accuracy} ${quantity(value, "m", 1)}`;
    if (name === "satellites") return `${position.used} ${number(value)}`;
    if (name === "seconds" || name === "tookS") return quantity(value, "s");
  }
  if (name === "clock") return own(fact.clock, `${value}`);
  if (name === "firmware") return `${panic.firmware} ${value}`;
  if (name === "expiresAt") return `${link.certificate} ${`${value}`.slice(0, 10)}`;
  if (name === "to") return `${from ?? ""} → ${value}`;
  return name === "says" ? `${value}` : undefined;
};

const Skip = ({ id, title }: { readonly id: string; readonly title: string }): JSX.Element => {
  const { commission: words } = useWords();
  const [reason, setReason] = useState("");
  const { give, alert } = useOrders();
  return (
    <details>
      <summary aria-label={`${words.skip}: ${title}`}>{words.skip}</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void give("POST", "/step", { action: "skip", id, reason });
        }}
      >
        <label class="search">
          <span>{words.why}</span>
          <input
            required
            maxLength={500}
            value={reason}
            onInput={({ currentTarget }) => setReason(currentTarget.value)}
          />
        </label>
        <button type="submit">{words.skip}</button>
        {alert}
      </form>
    </details>
  );
};

/** One step: how it stands, why, and what was measured. `open`: it can be skipped. */
export const StepLine = ({ step, open }: { readonly step: Step; readonly open: boolean }): JSX.Element => {
  const words = useWords();
  const format = useFormat();
  const { id, kind, subject, state, says, figures = {} } = step;
  const standing = standingOf(step);
  const title = asSentence(`${own(words.list.title, kind) ?? kind} ${subject ?? ""}`.trim());
  const measured = Object.entries(figures)
    .flatMap(([name, value]) => figureText(name, value, figures, words, format) ?? [])
    .join(" · ");
  return (
    <li class={`duty ${SHAPES[standing] ?? ""}`}>
      <Glyph level={SHAPES[standing] ?? "none"} />
      <div>
        <h3>
          {title} <span class="level">{own(words.list.outcome, standing) ?? standing}</span>
        </h3>
        {says && <p class="fact">{textOf(says, words.list)}</p>}
        {measured !== "" && <p class="fact number">{measured}</p>}
        {open && (state === "waiting" || state === "fail") && <Skip id={id} title={title} />}
      </div>
    </li>
  );
};
