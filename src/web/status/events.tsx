import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { EventData } from "../../domain/report.ts";
import type { Snapshot } from "../../domain/snapshot.ts";
import { faultWords } from "../viewer/fault-words.ts";
import { useFormat } from "../viewer/number-format.ts";
import type { Language } from "../viewer/language.ts";
import { Time, useViewer } from "../viewer/viewer.tsx";
import { momentOf } from "./moments.ts";
import { Panel, Search } from "./parts.tsx";
import type { Words } from "./words/english.ts";
import { useWords } from "./words.ts";

type Happened = NonNullable<Snapshot["events"]>[number];

/** What each type of event is called. A type without a name is a compile error. */
export type EventNames = Readonly<Record<EventData["type"], string>>;

const nameOf = ({ type }: Happened, words: Words): string => {
  const names: Readonly<Record<string, string>> = words.events;
  return (Object.hasOwn(names, type) ? names[type] : undefined) ?? type;
};

/** The catalogue's sentence, for the event of a fault. */
const sentenceOf = ({ type, part, code }: Happened, language: Language): string | undefined =>
  type === "fault" && part !== undefined && code !== undefined
    ? faultWords(language, { part, code })?.sentence
    : undefined;

const Row = ({
  event,
  at,
  now,
}: {
  readonly event: Happened;
  readonly at: number;
  readonly now: number;
}): JSX.Element => {
  const words = useWords();
  const { language } = useViewer();
  const sentence = sentenceOf(event, language);
  return (
    <tr role="row">
      <td role="cell">
        <Time at={at} now={now} />
      </td>
      <td role="cell" class="end">
        {nameOf(event, words)}{" "}
        {event.part !== undefined && <code>{[event.part, event.code].filter(Boolean).join(" ")}</code>}
      </td>
      <td role="cell" class="whole">
        {sentence !== undefined && <p>{sentence.replaceAll("`", "")}</p>}
        <p class={sentence === undefined ? undefined : "note"} lang="en">
          {event.text}
        </p>
      </td>
    </tr>
  );
};

/** The events of this boot, newest first, with a filter. */
export const Events = ({
  snapshot,
  now,
}: {
  readonly snapshot: Snapshot;
  readonly now: number;
}): JSX.Element => {
  const words = useWords();
  const { language } = useViewer();
  const { number } = useFormat();
  const [text, setText] = useState("");
  const all = snapshot.events ?? [];
  const wanted = text.trim().toLowerCase();
  const found = all
    .filter((event) =>
      `${event.type} ${nameOf(event, words)} ${event.text} ${event.part ?? ""} ${event.code ?? ""} ${sentenceOf(event, language) ?? ""}`
        .toLowerCase()
        .includes(wanted),
    )
    .toReversed();
  return (
    <Panel title={words.link.events}>
      <Search label={words.link.filter} value={text} search={setText} />
      <p class="note number">{words.link.shown(number(found.length), number(all.length))}</p>
      {found.length === 0 ? (
        <p class="note">{all.length === 0 ? words.link.noEvents : words.link.noneFound}</p>
      ) : (
        <div class="scroll tall" tabIndex={0} role="region" aria-label={words.link.events}>
          <table class="rows" role="table">
            <thead>
              <tr>
                <th scope="col">{words.link.time}</th>
                <th scope="col">{words.link.event}</th>
                <th scope="col">{words.link.detail}</th>
              </tr>
            </thead>
            <tbody>
              {found.map((event) => (
                <Row
                  key={`${event.monoS} ${event.type} ${event.text}`}
                  event={event}
                  at={momentOf(snapshot, event.monoS, now)}
                  now={now}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
};
