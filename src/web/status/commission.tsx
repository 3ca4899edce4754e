import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { textOf } from "../../commissioning/saying.ts";
import type { Snapshot } from "../../domain/snapshot.ts";
import { useFormat, type Format } from "../viewer/number-format.ts";
import { shownSpan } from "../viewer/time.ts";
import { isStage, shownLeg } from "./legs.ts";
import { Glyph, Marked, Panel, type Shape } from "./parts.tsx";
import { order, refusalIn } from "./source.ts";
import type { Words } from "./words/english.ts";
import { useWords } from "./words.ts";

type List = NonNullable<Snapshot["commissioning"]>;
type Step = List["steps"][number];

const own = (texts: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(texts, key) ? texts[key] : undefined;

/** The texts of the list are parts of sentences. */
const asSentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

const SHAPES: Readonly<Record<string, Shape>> = {
  pass: "good",
  fail: "bad",
  skipped: "watch",
  waiting: "unknown",
};
/** How a step stands: its state, or the cause for which it counts as not fitted. */
const standingOf = ({ state, cause }: Step): string => (state === "not-fitted" ? (cause ?? "") : state);

/** Orders of the list, and why the last one was refused. */
const useOrders = () => {
  const { commission, panic } = useWords();
  const [refused, setRefused] = useState<string>();
  const give = async (method: "POST" | "DELETE", path: string, body?: object): Promise<void> =>
    setRefused(await order(method, `/commissioning/list${path}`, body));
  const { code = "", reason = panic.failed } = refused === undefined ? {} : refusalIn(refused);
  const why = own(commission.refused, code);
  const alert = (
    <p role="alert" class={refused === undefined ? "unseen" : "refusal"}>
      {refused !== undefined && (why === undefined ? reason : <Marked text={why} />)}
    </p>
  );
  return { give, alert };
};

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

const StepLine = ({ step, open }: { readonly step: Step; readonly open: boolean }): JSX.Element => {
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

const Result = ({ over }: { readonly over: NonNullable<List["over"]> }): JSX.Element => {
  const { commission: words } = useWords();
  const { give, alert } = useOrders();
  const { result, report, fault } = over;
  return (
    <Panel title={words.over}>
      <p role="status" class={`verdict ${result === "passed" ? "good" : "bad"}`}>
        <Glyph level={result === "passed" ? "good" : "bad"} />
        <span>
          {result === undefined ? words.noReport : result === "passed" ? words.passed : words.failed}
        </span>
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
