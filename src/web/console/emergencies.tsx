import type { JSX } from "preact";
import { STAGES, type EpisodeView } from "../../domain/fleet.ts";
import { shownSpan } from "../viewer/time.ts";
import { Time, useViewer } from "../viewer/viewer.tsx";
import { Answers } from "./answers.tsx";
import { coordinates, Fact, spanSince, useWords, valueText } from "./parts.tsx";

/** What may be done from here. The server judges again. */
type Actions = {
  readonly operator: string | undefined;
  readonly show: (episode: EpisodeView) => void;
  readonly open: (unit: string) => void;
};

/** The stages with who said each and when. */
const Stages = ({ episode, now }: { episode: EpisodeView; now: number }): JSX.Element => {
  const words = useWords();
  const reached = STAGES.indexOf(episode.state);
  return (
    <ol class="stages">
      {STAGES.map((stage, i) => {
        const step = episode.steps.findLast((one) => one.stage === stage);
        const isReached = i <= reached;
        return (
          <li
            key={stage}
            class={isReached ? "reached" : ""}
            aria-current={i === reached ? "step" : undefined}
          >
            <span class="stage">{words.stages[stage]}</span>
            {isReached && step && (
              <span class="who">
                {step.by !== undefined && <span class="by">{step.by}</span>}{" "}
                <Time at={stage === "active" ? episode.pressedAt : step.at} now={now} />
              </span>
            )}
          </li>
        );
      })}
    </ol>
  );
};

const PositionFact = ({ episode }: { episode: EpisodeView }): JSX.Element => {
  const words = useWords();
  const { position } = episode;
  if (!position) return <Fact name={words.position}>{words.noPosition}</Fact>;
  const { lat, lon, accuracyM, speedKmh, ageMs, trusted } = position;
  const more = [
    ...(accuracyM === undefined ? [] : [`±${Math.round(accuracyM)} m`]),
    ...(speedKmh === undefined ? [] : [`${Math.round(speedKmh)} km/h`]),
    ...(ageMs === undefined || ageMs < 2_000 ? [] : [words.positionAge(shownSpan(ageMs))]),
    ...(trusted === false ? [words.untrusted] : []),
  ];
  return (
    <Fact name={words.position}>
      <span class="number">{coordinates(lat, lon)}</span> <span class="more">{more.join(" · ")}</span>
    </Fact>
  );
};

/** A press is held for tenths of a second: none of them is a whole one. */
const shownHeld = (ms: number, locale: string): string =>
  ms < 9_950
    ? `${(ms / 1_000).toLocaleString(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 })}\u00A0s`
    : shownSpan(ms);

const Facts = ({ episode }: { episode: EpisodeView }): JSX.Element => {
  const words = useWords();
  const { locale } = useViewer();
  const { buttons, presses, heldMs, isPressTimeKnown, silent, shortened, isUnconfirmed } = episode;
  return (
    <>
      <dl class="facts">
        <Fact name={words.buttons}>{buttons.join(", ")}</Fact>
        <Fact name={words.presses}>
          {presses}
          {heldMs !== undefined && ` · ${words.held}: ${shownHeld(heldMs, locale)}`}
        </Fact>
        <PositionFact episode={episode} />
      </dl>
      {!isPressTimeKnown && <p class="note">{words.pressTimeUnknown}</p>}
      {isUnconfirmed && <p class="note bad">{words.unconfirmed}</p>}
      {silent && <p class="note">{words.covert}</p>}
      {shortened.length > 0 && <p class="note">{words.shortened(shortened.join(", "))}</p>}
    </>
  );
};

const Vehicle = ({ episode }: { episode: EpisodeView }): JSX.Element | null => {
  const words = useWords();
  const signals = Object.entries(episode.vehicle);
  if (signals.length === 0) return null;
  return (
    <details>
      <summary>
        {words.vehicle}: {signals.length}
      </summary>
      <dl class="signals">
        {signals.map(([path, value]) => (
          <Fact key={path} name={path}>
            {valueText(value)}
          </Fact>
        ))}
      </dl>
    </details>
  );
};

type CardProps = { readonly episode: EpisodeView; readonly now: number; readonly actions: Actions };

const Card = ({ episode, now, actions }: CardProps): JSX.Element => {
  const words = useWords();
  const { unit, test, state, pressedAt, position } = episode;
  const kind = test ? words.drill : words.emergency;
  return (
    <article class={`card ${test ? "drill" : "real"} is-${state}`} aria-label={`${kind}: ${unit}`}>
      <header>
        <span class="kind">{kind}</span>
        <h3>{unit}</h3>
        <span class="since">
          <strong class="number">{words.ago(spanSince(pressedAt, now))}</strong>{" "}
          <Time at={pressedAt} now={now} />
        </span>
      </header>
      <Stages episode={episode} now={now} />
      <Facts episode={episode} />
      <Vehicle episode={episode} />
      <footer>
        <Answers episode={episode} operator={actions.operator} />
        <div class="ways">
          <button type="button" class="plain" disabled={!position} onClick={() => actions.show(episode)}>
            {words.showOnMap}
          </button>
          <button type="button" class="plain" onClick={() => actions.open(unit)}>
            {words.openCar}
          </button>
        </div>
      </footer>
    </article>
  );
};

type Shown = {
  readonly real: readonly EpisodeView[];
  readonly drills: readonly EpisodeView[];
  readonly unshown: number;
  readonly now: number;
  readonly actions: Actions;
};

/** The open emergencies, and the drills apart from them. */
export const Emergencies = ({ real, drills, unshown, now, actions }: Shown): JSX.Element => {
  const words = useWords();
  return (
    <div class="alarms">
      <section
        class={`emergencies ${real.length > 0 ? "open" : "quiet"}`}
        aria-labelledby="emergencies-title"
      >
        <h2 id="emergencies-title">
          {real.length > 0 ? `${words.emergencies}: ${real.length}` : words.noEmergency}
        </h2>
        <div class="unseen" role="alert">
          {real.map(({ unit, episode }) => (
            <p key={episode}>{`${words.emergency}: ${unit}`}</p>
          ))}
        </div>
        {unshown > 0 && <p class="note bad">{words.unshown(unshown)}</p>}
        {real.length > 0 && (
          <div class="cards">
            {real.map((episode) => (
              <Card key={episode.episode} episode={episode} now={now} actions={actions} />
            ))}
          </div>
        )}
      </section>
      {drills.length > 0 && (
        <section class="drills" aria-labelledby="drills-title">
          <h2 id="drills-title">
            {words.drills}: {drills.length}
          </h2>
          <div class="cards">
            {drills.map((episode) => (
              <Card key={episode.episode} episode={episode} now={now} actions={actions} />
            ))}
          </div>
        </section>
      )}
    </div>
  );
};
