import type { JSX } from "preact";
import type { Snapshot } from "../../domain/snapshot.ts";
import { useFormat } from "../viewer/number-format.ts";
import { lengthOf, placesOf, project, runsOf, scaleBar, viewOf } from "./track.ts";
import { useWords } from "./words.ts";

/** Units of the picture from edge to edge. */
const SIDE = 400;

/** The track of the last 30 minutes, north up, with a scale bar. */
export const Track = ({ snapshot }: { readonly snapshot: Snapshot }): JSX.Element => {
  const { position: words } = useWords();
  const { quantity } = useFormat();
  const { runs, here } = placesOf(snapshot);
  const all = [...runs.flat(), ...(here ? [here] : [])];
  if (all.length === 0) return <p class="note">{words.none}</p>;
  const points = project(all);
  const view = viewOf(points);
  const shown = points.map(({ x, y }) => ({
    x: (x * SIDE) / view + SIDE / 2,
    y: (y * SIDE) / view + SIDE / 2,
  }));
  const lines = runsOf(runs, shown);
  const end = shown.at(-1);
  const bar = scaleBar(view);
  const length = runs.reduce((sum, run) => sum + lengthOf(run), 0);
  const metres = (m: number): string =>
    m >= 1_000 ? quantity(m / 1_000, "km", m % 1_000 === 0 ? 0 : 1) : quantity(m, "m");
  return (
    <svg
      class="track"
      viewBox={`0 0 ${SIDE} ${SIDE}`}
      role="img"
      aria-label={words.trackLabel(metres(length))}
    >
      <path class="grid" d={`M${SIDE / 2} ${-SIDE}V${SIDE * 2}M${-SIDE} ${SIDE / 2}H${SIDE * 2}`} />
      {lines.map((line) => (
        <polyline
          key={`${line[0]?.x} ${line[0]?.y} ${line.length}`}
          points={line.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ")}
        />
      ))}
      {end && (
        <g
          class={here ? "here" : "here old"}
          transform={`translate(${end.x.toFixed(1)} ${end.y.toFixed(1)})`}
        >
          {snapshot.position?.courseDeg === undefined ? (
            <circle r="6" />
          ) : (
            <path d="M0-11 7.5 9 0 4.5-7.5 9z" transform={`rotate(${snapshot.position.courseDeg})`} />
          )}
        </g>
      )}
      <g class="north" transform={`translate(${SIDE - 26} 30)`}>
        <path d="M0-16 6 4 0 0-6 4z" />
        <text y="20" text-anchor="middle">
          {words.north}
        </text>
      </g>
      <g class="scale" transform={`translate(14 ${SIDE - 16})`}>
        <path d={`M0-6V0H${((bar * SIDE) / view).toFixed(1)}V-6`} />
        <text x="4" y="-8">
          {metres(bar)}
        </text>
      </g>
    </svg>
  );
};
