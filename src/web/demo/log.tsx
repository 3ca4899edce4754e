import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { LogLine, Said } from "../../domain/demo.ts";
import { faultWords } from "../viewer/fault-words.ts";
import type { Language } from "../viewer/language.ts";
import { shownTime } from "../viewer/time.ts";
import { useViewer } from "../viewer/viewer.tsx";
import { WORDS } from "./words.ts";

/** `12 ms`, `1.4 s`. */
const lasted = (ms: number, locale: string): string =>
  ms < 1_000
    ? `${Math.round(ms)} ms`
    : `${new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(ms / 1_000)} s`;

/** A line of the log as a sentence. */
export const sentenceOf = (said: Said, language: Language, locale: string): string => {
  const { says } = WORDS[language];
  switch (said.kind) {
    case "moves":
      return says.moves(said.kmh);
    case "pressed":
      return says.pressed;
    case "unseen":
      return says.unseen[said.why];
    case "leg":
      return says.legs[said.leg](lasted(said.ms, locale));
    case "lamp":
      return says.lamp(said.lamp);
    case "answer":
      return says.answer(said.stage, said.by);
    case "trouble":
      return says.troubles[said.trouble][said.on ? "on" : "off"];
    case "starts":
      return says.starts(lasted(said.ms, locale));
    case "died":
      return says.died;
    case "unit":
      return says.unit[said.state];
    case "fault": {
      const sentence = faultWords(language, said)?.sentence ?? `${said.part}: ${said.code}`;
      return said.over ? says.over(sentence) : says.fault(sentence);
    }
    case "history":
      return says.history(said.reports);
  }
};

/** Which side a line is about: it has its colour. */
const sideOf = (said: Said): "car" | "dispatch" | "trouble" => {
  switch (said.kind) {
    case "trouble":
    case "unseen":
    case "died":
      return "trouble";
    case "moves":
    case "answer":
    case "unit":
    case "fault":
    case "history":
      return "dispatch";
    case "leg":
      return said.leg === "dispatch" ? "dispatch" : "car";
    case "pressed":
    case "lamp":
    case "starts":
      return "car";
  }
};

/** Unlike other times it cannot be reached with the keyboard: the log would have hundreds of stops. */
const Instant = ({ at, locale }: { readonly at: number; readonly locale: string }): JSX.Element => {
  const { text, utc } = shownTime(at, at, locale);
  return (
    <time class="number" dateTime={new Date(at).toISOString()} title={utc}>
      {text}
    </time>
  );
};

/** Lines with reports from before that follow each other become one, which counts them all. */
export const folded = (lines: readonly LogLine[]): readonly LogLine[] =>
  lines.reduce<LogLine[]>((shown, line) => {
    const last = shown.at(-1);
    if (last?.said.kind === "history" && line.said.kind === "history")
      shown.splice(-1, 1, {
        ...last,
        said: { kind: "history", reports: last.said.reports + line.said.reports },
      });
    else shown.push(line);
    return shown;
  }, []);

/** What happens between the car and dispatch, newest last. It follows its end unless the viewer has scrolled up. */
export const Log = ({ lines }: { readonly lines: readonly LogLine[] }): JSX.Element => {
  const { language, locale } = useViewer();
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const top = useRef(0);
  const newest = lines.at(-1)?.n;
  useEffect(() => {
    const at = box.current;
    if (at && follows.current) at.scrollTop = at.scrollHeight;
  }, [newest]);
  return (
    <div
      class="log"
      role="log"
      ref={box}
      tabIndex={0}
      aria-label={WORDS[language].between}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        // The list may have grown since it was scrolled to its end: only a viewer scrolls up.
        const isAtEnd = scrollHeight - scrollTop - clientHeight < 40;
        follows.current = isAtEnd || (follows.current && scrollTop >= top.current);
        top.current = scrollTop;
      }}
    >
      <ol>
        {folded(lines).map(({ n, at, said }) => (
          <li key={n} class={sideOf(said)} data-kind={said.kind}>
            <Instant at={at} locale={locale} />
            <span>{sentenceOf(said, language, locale)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
};
