import type { JSX } from "preact";
import type { Snapshot } from "../../domain/snapshot.ts";
import { faultWords } from "../viewer/fault-words.ts";
import { useFormat, type Format } from "../viewer/number-format.ts";
import { shownSpan } from "../viewer/time.ts";
import { useViewer } from "../viewer/viewer.tsx";
import { OpenEpisodes } from "./drill.tsx";
import type { Judged, Reason } from "./judge.ts";
import { Lamp } from "./lamp.tsx";
import type { ShownLamp } from "./lamp-phase.ts";
import { Facts, Glyph, Marked, Panel } from "./parts.tsx";
import type { Words } from "./words/english.ts";
import { useWords } from "./words.ts";

type NowProps = {
  readonly snapshot: Snapshot;
  readonly list: readonly Judged[];
  readonly lamp: ShownLamp | undefined;
  readonly now: number;
};

/** When a button was last pressed, in words. */
const lastPress = (s: Snapshot, name: string, words: Words, { daysAgo }: Format): string | undefined => {
  const test = s.panicBoard?.buttons?.[name];
  if (!test) return undefined;
  return test.lastPressDays === undefined
    ? words.fact.neverPressed
    : words.fact.lastPress(daysAgo(test.lastPressDays));
};

const boardFact = ({ panicBoard }: Snapshot, { fact }: Words, { quantity }: Format): string | undefined => {
  if (!panicBoard?.connected) return undefined;
  const { firmware, supplyMv } = panicBoard;
  const answers = firmware === undefined ? fact.boardPlain : fact.board(firmware);
  return supplyMv === undefined ? answers : `${answers}, ${quantity(supplyMv / 1_000, "V", 2)}`;
};

const linkFact = ({ link }: Snapshot, { fact }: Words, { quantity }: Format): string | undefined => {
  if (link.broker === undefined) return undefined;
  const connected = fact.linked(link.broker);
  return link.rttMs === undefined
    ? connected
    : `${connected}, ${quantity(link.rttMs, "ms", link.rttMs < 10 ? 1 : 0)}`;
};

const positionFact = ({ gps, position }: Snapshot, words: Words, format: Format): string | undefined => {
  if (gps.fix === "none") return undefined;
  const fix = words.position.fix[gps.fix];
  const seen = gps.satellites === undefined ? fix : words.fact.fix(fix, format.number(gps.satellites));
  return position?.accuracyM === undefined
    ? seen
    : `${seen}, ±${format.quantity(position.accuracyM, "m", position.accuracyM < 10 ? 1 : 0)}`;
};

/** What a technician wants to read beside a duty that is in order, or beside its faults. */
const factOf = (one: Judged, s: Snapshot, words: Words, format: Format): string | undefined => {
  switch (one.duty) {
    case "board":
      return boardFact(s, words, format);
    case "button":
      return one.name === undefined ? undefined : lastPress(s, one.name, words, format);
    case "link":
      return linkFact(s, words, format);
    case "custody":
      return s.link.custody?.mode === "dispatch" ? words.fact.custodyDispatch : words.fact.custodyBroker;
    case "position":
      return positionFact(s, words, format);
    case "disk":
      return s.diskFreeMiB === undefined
        ? undefined
        : words.fact.free(format.quantity(s.diskFreeMiB / 1_024, "GiB", 1));
    case "clock":
      return s.clock === "gnss" || s.clock === "ntp" || s.clock === "unset"
        ? words.fact.clock[s.clock]
        : undefined;
    case "other":
      return undefined;
  }
};

const titleOf = ({ duty, name }: Judged, words: Words): string =>
  duty === "button" ? words.duty.button(name ?? "?") : words.duty[duty];

const Because = ({ reason }: { readonly reason: Reason }): JSX.Element => {
  const words = useWords();
  const { language } = useViewer();
  const said =
    reason.kind === "condition"
      ? words.condition[reason.condition]
      : (faultWords(language, reason.fault) ?? { sentence: words.unknownFault, remedy: "" });
  return (
    <li class={`reason ${reason.level}`}>
      <p class="sentence">
        <Marked text={said.sentence} />
      </p>
      {reason.kind === "fault" && (
        <p class="detail">
          <code>
            {reason.fault.part} {reason.fault.code}
          </code>{" "}
          <span lang="en">{reason.fault.detail}</span>
        </p>
      )}
      {said.remedy !== "" && (
        <p class="remedy">
          <strong>{words.remedy}:</strong> <Marked text={said.remedy} />
        </p>
      )}
    </li>
  );
};

const DutyLine = ({ one, snapshot }: { readonly one: Judged; readonly snapshot: Snapshot }): JSX.Element => {
  const words = useWords();
  const format = useFormat();
  const fact = factOf(one, snapshot, words, format);
  return (
    <li class={`duty ${one.level}`}>
      <Glyph level={one.level} />
      <div>
        <h3>
          {titleOf(one, words)} <span class="level">{words.level[one.level]}</span>
        </h3>
        {fact !== undefined && <p class="fact number">{fact}</p>}
        {one.reasons.length > 0 && (
          <ul class="reasons">
            {one.reasons.map((reason) => (
              <Because
                key={
                  reason.kind === "condition"
                    ? reason.condition
                    : `${reason.fault.part} ${reason.fault.code} ${reason.fault.where ?? ""}`
                }
                reason={reason}
              />
            ))}
          </ul>
        )}
      </div>
    </li>
  );
};

const About = ({ snapshot }: { readonly snapshot: Snapshot }): JSX.Element => {
  const { about } = useWords();
  const { quantity, number } = useFormat();
  const { version, boot, uptimeS, config, temperatureC, rssMiB } = snapshot;
  return (
    <Panel title={about.title}>
      <Facts
        of={[
          [about.version, version],
          [about.boot, number(boot)],
          [about.uptime, shownSpan(uptimeS * 1_000)],
          [about.config, config && <code title={config}>{config.slice(0, 8)}</code>],
          [about.temperature, temperatureC === undefined ? undefined : quantity(temperatureC, "°C")],
          [about.memory, rssMiB === undefined ? undefined : quantity(rssMiB, "MiB")],
        ]}
      />
    </Panel>
  );
};

/** Whether this car can call for help: every duty with its state, the reason and the remedy. */
export const NowView = ({ snapshot, list, lamp, now }: NowProps): JSX.Element => {
  const words = useWords();
  return (
    <div class="stack">
      <OpenEpisodes snapshot={snapshot} now={now} />
      <div class="columns wide-first">
        <ul class="duties panel" aria-label={words.titles.now}>
          {list.map((one) => (
            <DutyLine key={`${one.duty} ${one.name ?? ""}`} one={one} snapshot={snapshot} />
          ))}
        </ul>
        <div class="stack">
          <Panel title={words.lamp.now}>
            <Lamp shown={lamp} />
          </Panel>
          <About snapshot={snapshot} />
        </div>
      </div>
    </div>
  );
};
