import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import * as z from "zod";
import { RawMessage, type EpisodeView, type EventView } from "../../domain/fleet.ts";
import { Time } from "../viewer/viewer.tsx";
import { useWords } from "./parts.tsx";
import { get } from "./server.ts";

/** What has happened: events, ended emergencies, raw messages. All texts are the units', shown as text. */

const TABS = ["events", "ended", "raw"] as const;
type Tab = (typeof TABS)[number];

/** Rows that are in the page at once. */
const ROWS = 100;
/** How often raw messages are asked for while they are looked at, ms. */
const RAW_MS = 1_000;

const Events = ({ events, now }: { events: readonly EventView[]; now: number }): JSX.Element => {
  const words = useWords();
  if (events.length === 0) return <p class="empty">{words.noEvents}</p>;
  return (
    <ul class="log">
      {events.slice(0, ROWS).map(({ n, unit, at, type, fields, isLate }) => (
        <li key={n} class={`event-${type === "fault" ? "fault" : type === "recovered" ? "good" : "plain"}`}>
          <Time at={at} now={now} /> <strong>{unit}</strong> <span class="type">{type}</span>{" "}
          {isLate && <span class="tag">{words.late}</span>}{" "}
          <span class="fields">{fields.map(([name, value]) => `${name}: ${value}`).join("  ")}</span>
        </li>
      ))}
    </ul>
  );
};

const Ended = ({ episodes, now }: { episodes: readonly EpisodeView[]; now: number }): JSX.Element => {
  const words = useWords();
  if (episodes.length === 0) return <p class="empty">{words.nothing}</p>;
  return (
    <ul class="log">
      {episodes.map(({ unit, episode, test, pressedAt, ended, by, presses }) => (
        <li key={episode}>
          <Time at={ended?.at ?? pressedAt} now={now} /> <strong>{unit}</strong>{" "}
          <span class={`tag ${test ? "drill" : "real"}`}>{test ? words.drill : words.emergency}</span>{" "}
          {ended && words.ended[ended.why]} {by !== undefined && `· ${by}`} · {words.pressed}:{" "}
          <Time at={pressedAt} now={now} /> · {words.presses}: {presses}
        </li>
      ))}
    </ul>
  );
};

const useRaw = (isPaused: boolean): readonly RawMessage[] => {
  const [messages, setMessages] = useState<readonly RawMessage[]>([]);
  useEffect(() => {
    if (isPaused) return undefined;
    const stop = new AbortController();
    let after = messages[0]?.n ?? 0;
    const ask = (): void => {
      get(`raw.json?after=${after}`, z.array(RawMessage), stop.signal).then(
        (more) => {
          after = more.at(-1)?.n ?? after;
          if (more.length > 0) setMessages((known) => [...more.toReversed(), ...known].slice(0, ROWS));
        },
        // The page says by itself that the server does not answer.
        () => undefined,
      );
    };
    ask();
    const timer = setInterval(ask, RAW_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [isPaused]);
  return messages;
};

const Raw = ({ now }: { now: number }): JSX.Element => {
  const words = useWords();
  const [isPaused, setIsPaused] = useState(false);
  const messages = useRaw(isPaused);
  return (
    <>
      <button type="button" class="plain" aria-pressed={isPaused} onClick={() => setIsPaused(!isPaused)}>
        {isPaused ? words.goOn : words.pause}
      </button>
      {messages.length === 0 && <p class="empty">{words.noRaw}</p>}
      <ul class="log">
        {messages.map(({ n, at, topic, retain, bytes, text, rejected }) => (
          <li key={n}>
            <Time at={at} now={now} /> <strong>{topic}</strong> <span class="number">{bytes} B</span>{" "}
            {retain && <span class="tag">{words.retained}</span>}
            {rejected.map((reason) => (
              <p key={reason} class="note bad">
                {words.rejected}: {reason}
              </p>
            ))}
            <code>{text}</code>
          </li>
        ))}
      </ul>
    </>
  );
};

type Props = {
  readonly events: readonly EventView[];
  readonly ended: readonly EpisodeView[];
  readonly now: number;
};

export const Records = ({ events, ended, now }: Props): JSX.Element => {
  const words = useWords();
  const [tab, setTab] = useState<Tab>("events");
  const names: Readonly<Record<Tab, string>> = {
    events: words.events,
    ended: `${words.ended.title}: ${ended.length}`,
    raw: words.raw,
  };
  return (
    <section class="records" aria-label={words.events}>
      <div class="tabs" role="tablist" aria-label={words.events}>
        {TABS.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={tab === name}
            aria-controls="records-panel"
            onClick={() => setTab(name)}
          >
            {names[name]}
          </button>
        ))}
      </div>
      <div id="records-panel" class="panel" role="tabpanel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
        {tab === "events" && <Events events={events} now={now} />}
        {tab === "ended" && <Ended episodes={ended} now={now} />}
        {tab === "raw" && <Raw now={now} />}
      </div>
    </section>
  );
};
