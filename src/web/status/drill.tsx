import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Snapshot } from "../../domain/snapshot.ts";
import { useFormat } from "../viewer/number-format.ts";
import { Time } from "../viewer/viewer.tsx";
import { along, MARKS_MS, shownLeg, shownMark, STAGES } from "./legs.ts";
import { Panel } from "./parts.tsx";
import { order } from "./source.ts";
import { useWords } from "./words.ts";

type Episode = Snapshot["emergency"]["episodes"][number];

/** Starts a drill, or takes it back. */
export const Drill = ({
  snapshot: { emergency, panicBoard },
}: {
  readonly snapshot: Snapshot;
}): JSX.Element => {
  const { panic: words } = useWords();
  const { quantity } = useFormat();
  const [refused, setRefused] = useState<string>();
  const give = async (method: "POST" | "DELETE"): Promise<void> => setRefused(await order(method, "/drill"));
  const { drillArmed, drillLeftS } = emergency;
  return (
    <Panel title={words.drill}>
      <p>{words.drillHelp}</p>
      {drillArmed ? (
        <p class="armed">
          <strong>{words.armed}</strong>{" "}
          {drillLeftS !== undefined && <span class="number">{quantity(Math.ceil(drillLeftS), "s")}</span>}
        </p>
      ) : null}
      <p class="orders">
        {drillArmed ? (
          <button type="button" onClick={() => void give("DELETE")}>
            {words.cancel}
          </button>
        ) : (
          <button type="button" class="primary" disabled={!panicBoard} onClick={() => void give("POST")}>
            {words.start}
          </button>
        )}
      </p>
      <p role="alert" class={refused === undefined ? "unseen" : "refusal"}>
        {refused === undefined ? "" : refused === "" ? words.failed : words.refused(refused)}
      </p>
    </Panel>
  );
};

/** The time of each stage since the press, as bars. */
const Legs = ({ episode: { legs, state } }: { readonly episode: Episode }): JSX.Element => {
  const { panic: words } = useWords();
  const { number } = useFormat();
  if (Object.keys(legs).length === 0) return <p class="note">{words.noLegs}</p>;
  const open = state !== "cleared";
  return (
    <>
      <ul class="legs" aria-label={words.legs}>
        {STAGES.filter((stage) => legs[stage] !== undefined || open).map((stage) => {
          const ms = legs[stage];
          return (
            <li key={stage}>
              <span>{words.stage[stage]}</span>
              <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
                <rect class="ground" width="100" height="1" />
                {ms !== undefined && <rect class="leg" width={along(ms) * 100} height="1" />}
                {MARKS_MS.slice(1).map((mark) => (
                  <rect key={mark} class="mark" x={along(mark) * 100} width="0.25" height="1" />
                ))}
              </svg>
              <span class="number">
                {ms === undefined ? <span class="note">{words.waiting}</span> : shownLeg(ms, number)}
              </span>
            </li>
          );
        })}
      </ul>
      <div class="ticks number" aria-hidden="true">
        {MARKS_MS.map((mark) => (
          <span key={mark} style={{ left: `${along(mark) * 100}%` }}>
            {shownMark(mark)}
          </span>
        ))}
      </div>
    </>
  );
};

/** Emergencies and drills that are open now. */
export const OpenEpisodes = ({
  snapshot,
  now,
}: {
  readonly snapshot: Snapshot;
  readonly now: number;
}): JSX.Element => (
  <>
    {snapshot.emergency.episodes
      .filter(({ state }) => state !== "cleared")
      .map((one) => (
        <OpenEpisode key={one.episode} episode={one} now={now} />
      ))}
  </>
);

const OpenEpisode = ({ episode, now }: { readonly episode: Episode; readonly now: number }): JSX.Element => {
  const { panic: words, lamp } = useWords();
  const { test, button = "", pressedAt } = episode;
  return (
    <Panel title={test ? lamp.drill : words.emergency} class={test ? "" : "alarm"}>
      <h3>
        {button} {pressedAt !== undefined && <Time at={Date.parse(pressedAt)} now={now} />}
      </h3>
      <Legs episode={episode} />
    </Panel>
  );
};

/** What became of each press since the start, newest first. */
export const Episodes = ({
  snapshot,
  now,
}: {
  readonly snapshot: Snapshot;
  readonly now: number;
}): JSX.Element => {
  const { panic: words, lamp } = useWords();
  const episodes = snapshot.emergency.episodes.toReversed();
  return (
    <Panel title={words.episodes}>
      {episodes.length === 0 && <p class="note">{words.noEpisodes}</p>}
      {episodes.map((one) => (
        <article key={one.episode} class={one.test ? "episode" : "episode real"}>
          <h3>
            <span class="tag">{one.test ? lamp.drill : words.emergency}</span> {one.button ?? ""}{" "}
            {one.pressedAt !== undefined && <Time at={Date.parse(one.pressedAt)} now={now} />}
          </h3>
          <Legs episode={one} />
        </article>
      ))}
      {episodes.length > 0 && <p class="note">{words.legs}.</p>}
    </Panel>
  );
};
