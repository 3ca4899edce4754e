import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { CarDetails, TrackPoint } from "../../domain/fleet.ts";
import { faultWords } from "../viewer/fault-words.ts";
import { Time, useViewer } from "../viewer/viewer.tsx";
import { HistoryPane } from "./history-pane.tsx";
import { coordinates, Fact, spanSince, useWords, valueText } from "./parts.tsx";

/** One car: what it reports now, and its history. */

type Props = {
  readonly unit: string;
  readonly details: CarDetails | undefined;
  readonly now: number;
  readonly hasHistory: boolean;
  readonly onClose: () => void;
  /** What the map shows of it. */
  readonly onTrack: (track: readonly TrackPoint[], cursor: TrackPoint | undefined) => void;
  /** The map shows the newest track again. */
  readonly onLive: () => void;
};

const Standing = ({ details, now }: { details: CarDetails; now: number }): JSX.Element => {
  const words = useWords();
  const { car, state } = details;
  const { position } = car;
  return (
    <dl class="facts">
      <Fact name={words.heard}>
        {car.heardAt === undefined ? (
          words.notHeard
        ) : (
          <>
            {words.ago(spanSince(car.heardAt, now))} · <Time at={car.heardAt} now={now} />
          </>
        )}
      </Fact>
      <Fact name={words.link}>
        <span class={`duty link-${car.link}`}>{words.links[car.link]}</span> {car.linkDetail}
      </Fact>
      <Fact name={words.board}>
        <span class={`duty board-${car.board}`}>{words.boards[car.board]}</span> {car.boardDetail}
      </Fact>
      <Fact name={words.position}>
        {position ? (
          <>
            <span class="number">{coordinates(position.lat, position.lon)}</span>
            {position.accuracyM !== undefined && ` ±${Math.round(position.accuracyM)} m`} ·{" "}
            <Time at={position.at} now={now} />
            {!position.isTimeKnown && ` (${words.pressTimeUnknown})`}
          </>
        ) : (
          words.noPosition
        )}
      </Fact>
      <Fact name={words.speed}>
        {position?.speedKmh === undefined ? "–" : `${Math.round(position.speedKmh)} km/h`}
        {position?.courseDeg !== undefined && ` · ${Math.round(position.courseDeg)}°`}
      </Fact>
      {state && (
        <Fact name="patrol-unit">
          {state.version} · boot {state.boot} · connection {state.connection}
        </Fact>
      )}
    </dl>
  );
};

/** A fault in the viewer's language, with what the unit itself says. */
const FaultEntry = ({ fault, now }: { fault: CarDetails["faults"][number]; now: number }): JSX.Element => {
  const { language } = useViewer();
  const { part, code = "", where = "", detail, at } = fault;
  const said = faultWords(language, { part, code });
  return (
    <li class="fault">
      <strong>{said?.sentence ?? detail}</strong>
      {said && <span>{said.remedy}</span>}
      <small>
        {part} {code} {where} {said && `· ${detail}`} · <Time at={at} now={now} />
      </small>
    </li>
  );
};

const Faults = ({ details, now }: { details: CarDetails; now: number }): JSX.Element => {
  const words = useWords();
  return (
    <section>
      <h3>{words.faults}</h3>
      {details.faults.length === 0 && <p class="empty">{words.noFaults}</p>}
      <ul class="plain-list">
        {details.faults.map((fault) => (
          <FaultEntry key={`${fault.part} ${fault.code} ${fault.where}`} fault={fault} now={now} />
        ))}
      </ul>
    </section>
  );
};

const Signals = ({ details, now }: { details: CarDetails; now: number }): JSX.Element => {
  const words = useWords();
  const { vehicle } = details;
  const stale = new Set(vehicle?.stale);
  return (
    <section>
      <h3>{words.signals}</h3>
      {!vehicle && <p class="empty">{words.noSignals}</p>}
      {vehicle && (
        <>
          <Time at={vehicle.at} now={now} />
          <dl class="signals">
            {Object.entries(vehicle.signals).map(([path, value]) => (
              <Fact key={path} name={path}>
                {valueText(value)} {stale.has(path) && <span class="tag">{words.stale}</span>}
              </Fact>
            ))}
          </dl>
        </>
      )}
    </section>
  );
};

const Numbers = ({ details }: { details: CarDetails }): JSX.Element => {
  const words = useWords();
  return (
    <section>
      <h3>{words.numbers}</h3>
      {details.numbers.map(({ store, from, upTo, missing, missingCount, declared }) => (
        <dl class="facts" key={store}>
          <Fact name={words.numbersOf(store)}>{from === 0 ? "–" : `${from} – ${upTo}`}</Fact>
          <Fact name={words.missing}>
            {missingCount === 0
              ? words.nothing
              : `${missingCount}: ${missing.map(([a, b]) => (a === b ? a : `${a}–${b}`)).join(", ")}`}
          </Fact>
          <Fact name={words.declared}>
            {declared.length === 0
              ? words.nothing
              : declared.map(({ reason, count }) => `${reason} ${count}`).join(", ")}
          </Fact>
        </dl>
      ))}
    </section>
  );
};

const Health = ({ details, now }: { details: CarDetails; now: number }): JSX.Element => {
  const words = useWords();
  const { health } = details;
  if (!health) return <p class="empty">{words.noHealth}</p>;
  return (
    <details>
      <summary>{words.health}</summary>
      <Time at={health.at} now={now} />
      <dl class="signals">
        {health.values.map(([path, value]) => (
          <Fact key={path} name={path}>
            {value}
          </Fact>
        ))}
      </dl>
    </details>
  );
};

export const CarPane = ({ unit, details, now, hasHistory, onClose, onTrack, onLive }: Props): JSX.Element => {
  const words = useWords();
  const [pane, setPane] = useState<"live" | "history">("live");
  useEffect(() => {
    if (pane === "live") onLive();
  }, [pane, onLive]);
  return (
    <section class="car-pane" aria-labelledby="car-title">
      <header>
        <h2 id="car-title">{unit}</h2>
        <button type="button" class="plain" onClick={onClose} aria-label={`${words.close}: ${unit}`}>
          {words.close}
        </button>
      </header>
      <div class="tabs" role="tablist" aria-label={unit}>
        {(["live", "history"] as const).map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`car-tab-${name}`}
            aria-selected={pane === name}
            aria-controls="car-panel"
            onClick={() => setPane(name)}
          >
            {words[name]}
          </button>
        ))}
      </div>
      <div id="car-panel" class="panel" role="tabpanel" aria-labelledby={`car-tab-${pane}`} tabIndex={0}>
        {!details && <p class="empty">{words.loading}</p>}
        {details && pane === "live" && (
          <>
            <Standing details={details} now={now} />
            <Faults details={details} now={now} />
            <Signals details={details} now={now} />
            <Numbers details={details} />
            <Health details={details} now={now} />
          </>
        )}
        {details && pane === "history" && (
          <HistoryPane unit={unit} recent={details.track} now={now} hasStore={hasHistory} onTrack={onTrack} />
        )}
      </div>
    </section>
  );
};
