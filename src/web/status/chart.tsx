import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { useFormat } from "../viewer/number-format.ts";
import { useViewer } from "../viewer/viewer.tsx";
import { useWords } from "./words.ts";

/** Columns of equal length. `at`: UTC milliseconds, ascending. `null`: not known then. */
type Series = { readonly at: readonly number[]; readonly values: readonly (number | null)[] };

type ChartProps = {
  readonly title: string;
  readonly series: Series;
  readonly digits?: number;
  readonly symbol?: string;
};

const HEIGHT = 150;

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

type Looks = {
  readonly locale: string;
  readonly number: (value: number) => string;
  /** The sample that the viewer points at; null: none. */
  readonly point: (index: number | null) => void;
};

const axis = (size: number): uPlot.Axis => ({
  stroke: colour("--ink-2"),
  font: "12px system-ui, sans-serif",
  grid: { stroke: colour("--line"), width: 1 },
  ticks: { stroke: colour("--line"), width: 1, size: 4 },
  size,
});

const optionsFor = (width: number, { locale, number, point }: Looks): uPlot.Options => {
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    hooks: { setCursor: [({ cursor }) => point(cursor.idx ?? null)] },
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.15)] } },
    axes: [
      { ...axis(28), space: 70, values: (_, ticks) => ticks.map((tick) => clock.format(tick * 1_000)) },
      { ...axis(48), space: 32, values: (_, ticks) => ticks.map(number) },
    ],
    series: [
      {},
      {
        stroke: colour("--accent"),
        width: 1.5,
        fill: `${colour("--accent")}22`,
        points: { show: false },
        spanGaps: false,
      },
    ],
  };
};

/** Mends the width of the chart when its place changes. */
const follow = (place: HTMLElement, plot: uPlot): ResizeObserver => {
  const observer = new ResizeObserver(() => {
    const width = Math.floor(place.clientWidth);
    if (width > 0 && width !== plot.width) plot.setSize({ width, height: HEIGHT });
  });
  observer.observe(place);
  return observer;
};

const columns = ({ at, values }: Series): uPlot.AlignedData => [at.map((ms) => ms / 1_000), [...values]];

/** The sample that is spoken of: the one that is pointed at, else the newest that is known. */
const spokenOf = (
  { at, values }: Series,
  pointed: number | null,
): readonly [at: number, value: number] | undefined => {
  const n = pointed ?? values.findLastIndex((value) => value !== null);
  const [time, value] = [at[n], values[n]];
  return time === undefined || typeof value !== "number" ? undefined : [time, value];
};

/** One quantity over time. A pointer on it reads off the value. */
export const Chart = ({ title, series, digits = 0, symbol = "" }: ChartProps): JSX.Element => {
  const words = useWords();
  const { locale, theme } = useViewer();
  const { number } = useFormat();
  const [pointed, point] = useState<number | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const empty = series.values.every((value) => value === null);

  useEffect(() => {
    const element = place.current;
    if (!element || empty) return;
    const looks = { locale, number: (value: number) => number(value, value % 1 === 0 ? 0 : 1), point };
    const made = new uPlot(optionsFor(Math.max(120, element.clientWidth), looks), columns(series), element);
    plot.current = made;
    const observer = follow(element, made);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
    // New samples are brought in below, without making the chart anew.
  }, [locale, theme, empty]);
  useEffect(() => plot.current?.setData(columns(series)), [series]);

  const spoken = spokenOf(series, pointed);
  const said = spoken ? `${number(spoken[1], digits)} ${symbol}`.trim() : words.chart.empty;
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium", hourCycle: "h23" });
  return (
    <figure class="chart">
      <figcaption>
        {title}{" "}
        {spoken && (
          <span class="reading number">
            {said}, {clock.format(spoken[0])}
          </span>
        )}
      </figcaption>
      <div ref={place} role="img" aria-label={`${title}: ${spoken ? words.chart.latest(said) : said}`} />
      {empty && <p class="note">{words.chart.empty}</p>}
    </figure>
  );
};
