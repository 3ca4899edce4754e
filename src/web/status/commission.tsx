import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { textOf } from "../../commissioning/saying.ts";
import type { Snapshot } from "../../domain/snapshot.ts";
import { useFormat } from "../viewer/number-format.ts";
import { shownSpan } from "../viewer/time.ts";
import { useOrders } from "./list-orders.tsx";
import { asSentence, StepLine } from "./list-steps.tsx";
import { Glyph, Panel } from "./parts.tsx";
import { useWords } from "./words.ts";

type List = NonNullable<Snapshot["commissioning"]>;

/** What is to be done now. Only what a person has to do is announced: the rest counts seconds. */
const Instruction = ({ list: { now, who, ready } }: { readonly list: List }): JSX.Element => {
  const { commission: words, list } = useWords();
  const { give, alert } = useOrders();
  const text = asSentence(textOf(now, list));
  const isForPerson = who === "person";
  return (
    <Panel title={words.now}>
      <p role="status" class={isForPerson ? "armed" : "unseen"}>
        {isForPerson && text}
      </p>
      {!isForPerson && <p>{text}</p>}
      {ready !== undefined && (
        <p class="orders">
          <button
            type="button"
            class="primary"
            onClick={() => void give("POST", "/step", { action: "ready", id: ready })}
          >
            {words.ready}
          </button>
        </p>
      )}
      {alert}
    </Panel>
  );
};

/** How each result is shown. Another one, of a later release, counts as not passed. */
const RESULTS = {
  passed: { level: "good", word: "passed" },
  incomplete: { level: "watch", word: "incomplete" },
  failed: { level: "bad", word: "failed" },
} as const;
const isResult = (result: string): result is keyof typeof RESULTS => Object.hasOwn(RESULTS, result);

const Result = ({ over }: { readonly over: NonNullable<List["over"]> }): JSX.Element => {
  const { commission: words } = useWords();
  const { give, alert } = useOrders();
  const { result, report, fault } = over;
  const shown = RESULTS[result !== undefined && isResult(result) ? result : "failed"];
  return (
    <Panel title={words.over}>
      <p role="status" class={`verdict ${shown.level}`}>
        <Glyph level={shown.level} />
        <span>{result === undefined ? words.noReport : words[shown.word]}</span>
      </p>
      {fault !== undefined && (
        <p class="refusal" lang="en">
          {fault}
        </p>
      )}
      <p class="orders">
        {report !== undefined && (
          <a class="button" href={`commissioning/${report}.html`} target="_blank" rel="noopener">
            {words.print}
          </a>
        )}
        <button type="button" onClick={() => void give("DELETE", "")}>
          {words.close}
        </button>
      </p>
      {alert}
    </Panel>
  );
};

const Progress = ({ list: { steps, leftS = 0, technician } }: { readonly list: List }): JSX.Element => {
  const { commission: words } = useWords();
  const { number } = useFormat();
  const { give, alert } = useOrders();
  const ended = steps.filter(({ state }) => state !== "waiting").length;
  return (
    <Panel title={technician}>
      <p class="number">{words.progress(number(ended), number(steps.length), shownSpan(leftS * 1_000))}</p>
      <p class="orders">
        <button type="button" onClick={() => void give("POST", "/step", { action: "end" })}>
          {words.end}
        </button>
        <button type="button" onClick={() => void give("DELETE", "")}>
          {words.leave}
        </button>
      </p>
      {alert}
    </Panel>
  );
};

const Begin = (): JSX.Element => {
  const { commission: words } = useWords();
  const [technician, setTechnician] = useState("");
  const [tryPowerOff, setTryPowerOff] = useState(false);
  const { give, alert } = useOrders();
  return (
    <Panel title={words.begin}>
      <p>{words.about}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void give("POST", "", { technician, tryPowerOff });
        }}
      >
        <label class="search">
          <span>{words.technician}</span>
          <input
            required
            maxLength={80}
            autocomplete="name"
            value={technician}
            onInput={({ currentTarget }) => setTechnician(currentTarget.value)}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={tryPowerOff}
            onChange={({ currentTarget }) => setTryPowerOff(currentTarget.checked)}
          />
          {words.tryPowerOff}
        </label>
        <button type="submit" class="primary">
          {words.begin}
        </button>
        {alert}
      </form>
    </Panel>
  );
};

/** The commissioning list: before a car leaves, each part is seen to work. */
export const CommissionView = ({ snapshot }: { readonly snapshot: Snapshot }): JSX.Element => {
  const words = useWords();
  const { commissioning: list } = snapshot;
  if (!list) return <Begin />;
  return (
    <div class="columns">
      <div class="stack">
        {list.over ? <Result over={list.over} /> : <Instruction list={list} />}
        {!list.over && <Progress list={list} />}
        {list.over && <p class="note">{list.technician}</p>}
      </div>
      <ul class="duties panel" aria-label={words.titles.commission}>
        {list.steps.map((step) => (
          <StepLine key={step.id} step={step} open={!list.over} />
        ))}
      </ul>
    </div>
  );
};
