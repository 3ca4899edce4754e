import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { TrackAnswer, type TrackPoint } from "../../domain/fleet.ts";
import { shownTime } from "../viewer/time.ts";
import { Time, useViewer } from "../viewer/viewer.tsx";
import { coordinates, Fact, useWords } from "./parts.tsx";
import { get } from "./server.ts";
import { GRAPH, speedLine } from "./speed-line.ts";

/** Where a car was, with a slider over time. */

const HOUR_MS = 3_600_000;
/** `recent`: what the console itself has heard. */
const PERIODS = {
  recent: 0,
  hour: HOUR_MS,
  six: 6 * HOUR_MS,
  day: 24 * HOUR_MS,
  week: 7 * 24 * HOUR_MS,
} as const;
type Period = keyof typeof PERIODS;
const NAMES = ["recent", "hour", "six", "day", "week"] as const satisfies readonly Period[];

type Loaded =
  | { readonly kind: "loading" }
  | { readonly kind: "failed" }
  | { readonly kind: "track"; readonly points: readonly TrackPoint[]; readonly isCut: boolean };

/** How often a period that ends now is asked for again, ms. */
const AGAIN_MS = 30_000;

const useTrack = (unit: string, period: Period, recent: readonly TrackPoint[], skewMs: number): Loaded => {
  const [loaded, setLoaded] = useState<Loaded>({ kind: "loading" });
  useEffect(() => {
    if (period === "recent") return undefined;
    const stop = new AbortController();
    setLoaded({ kind: "loading" });
    const ask = (): void => {
      const to = Math.round(Date.now() + skewMs);
      const path = `track.json?unit=${encodeURIComponent(unit)}&from=${to - PERIODS[period]}&to=${to}`;
      get(path, TrackAnswer, stop.signal).then(
        ({ points, isCut }) => setLoaded({ kind: "track", points, isCut }),
        () => {
          if (!stop.signal.aborted) setLoaded({ kind: "failed" });
        },
      );
    };
    ask();
    const timer = setInterval(ask, AGAIN_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [unit, period]);
  return useMemo(
    () => (period === "recent" ? { kind: "track", points: recent, isCut: false } : loaded),
    [period, recent, loaded],
  );
};

const Graph = ({ points, at }: { points: readonly TrackPoint[]; at: number }): JSX.Element => {
  const words = useWords();
  const { line, maxKmh } = useMemo(() => speedLine(points), [points]);
  const [first] = points;
  const last = points.at(-1);
  const span = Math.max(1, (last?.at ?? 0) - (first?.at ?? 0));
  const x = (((points[at]?.at ?? 0) - (first?.at ?? 0)) / span) * GRAPH.width;
  return (
    <figure class="graph">
      <figcaption>
        {words.speedOver} <span class="number">(0 – {Math.round(maxKmh)} km/h)</span>
      </figcaption>
      <svg viewBox={`0 0 ${GRAPH.width} ${GRAPH.height}`} preserveAspectRatio="none" aria-hidden="true">
        <polyline points={line} />
        <line x1={x} x2={x} y1="0" y2={GRAPH.height} />
      </svg>
    </figure>
  );
};

type Props = {
  readonly unit: string;
  readonly recent: readonly TrackPoint[];
  readonly now: number;
  readonly hasStore: boolean;
  readonly onTrack: (track: readonly TrackPoint[], cursor: TrackPoint | undefined) => void;
};

const Slider = ({
  points,
  now,
  isCut,
  onTrack,
}: {
  points: readonly TrackPoint[];
  now: number;
  isCut: boolean;
  onTrack: Props["onTrack"];
}) => {
  const words = useWords();
  const { locale } = useViewer();
  const [chosen, setChosen] = useState<number | undefined>(undefined);
  const at = Math.min(chosen ?? Infinity, points.length - 1);
  const point = points[at];
  useEffect(() => onTrack(points, point), [points, point, onTrack]);
  if (!point) return <p class="empty">{words.noTrack}</p>;
  return (
    <>
      <label class="slider">
        {words.time}: <Time at={point.at} now={now} />
        <input
          type="range"
          min={0}
          max={points.length - 1}
          value={at}
          aria-valuetext={shownTime(point.at, now, locale).text}
          onInput={({ currentTarget }) => setChosen(Number(currentTarget.value))}
        />
      </label>
      <Graph points={points} at={at} />
      <dl class="facts">
        <Fact name={words.position}>
          <span class="number">{coordinates(point.lat, point.lon)}</span>
        </Fact>
        <Fact name={words.speed}>
          {point.speedKmh === undefined ? "–" : `${Math.round(point.speedKmh)} km/h`}
          {point.courseDeg !== undefined && ` · ${Math.round(point.courseDeg)}°`}
        </Fact>
      </dl>
      {point.isGap && <p class="note">{words.gapBefore}</p>}
      {isCut && <p class="note">{words.thinned}</p>}
    </>
  );
};

export const HistoryPane = ({ unit, recent, now, hasStore, onTrack }: Props): JSX.Element => {
  const words = useWords();
  const [period, setPeriod] = useState<Period>(hasStore ? "hour" : "recent");
  const loaded = useTrack(unit, period, recent, now - Date.now());
  return (
    <div class="history">
      {hasStore && (
        <label class="period">
          {words.period}
          <select
            value={period}
            onChange={({ currentTarget }) =>
              setPeriod(NAMES.find((name) => name === currentTarget.value) ?? "recent")
            }
          >
            {NAMES.map((name) => (
              <option key={name} value={name}>
                {words.periods[name]}
              </option>
            ))}
          </select>
        </label>
      )}
      {loaded.kind === "loading" && <p class="empty">{words.loading}</p>}
      {loaded.kind === "failed" && <p class="note bad">{words.noHistory}</p>}
      {loaded.kind === "track" && (
        <Slider key={period} points={loaded.points} now={now} isCut={loaded.isCut} onTrack={onTrack} />
      )}
    </div>
  );
};
