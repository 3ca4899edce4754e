import type { JSX } from "preact";
import type { Snapshot } from "../../domain/snapshot.ts";
import { useFormat } from "../viewer/number-format.ts";
import { Time } from "../viewer/viewer.tsx";
import { Chart } from "./chart.tsx";
import { seriesOf } from "./moments.ts";
import { Facts, Panel } from "./parts.tsx";
import { Fixes } from "./fixes.tsx";
import { Sky, Signals } from "./sky-view.tsx";
import { Track } from "./track-view.tsx";
import { useWords } from "./words.ts";

const QUALITIES = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;

const Fix = ({ snapshot, now }: { readonly snapshot: Snapshot; readonly now: number }): JSX.Element => {
  const { position: words } = useWords();
  const { number, quantity } = useFormat();
  const { gps, position: p } = snapshot;
  const quality = QUALITIES.find((one) => one === p?.quality);
  const m = (value: number | undefined, digits = 0): string | undefined =>
    value === undefined ? undefined : quantity(value, "m", digits);
  return (
    <Facts
      of={[
        [
          words.quality,
          quality === undefined ? words.fix[gps.fix] : `${words.fix[gps.fix]}, ${words.qualities[quality]}`,
        ],
        [words.accuracy, p?.accuracyM === undefined ? undefined : `±${m(p.accuracyM, 1) ?? ""}`],
        [words.used, gps.satellites === undefined ? undefined : number(gps.satellites)],
        [words.hdop, p?.hdop === undefined ? undefined : number(p.hdop, 1)],
        [words.speed, p?.speedKmh === undefined ? undefined : quantity(p.speedKmh, "km/h")],
        [words.course, p?.courseDeg === undefined ? undefined : quantity(p.courseDeg, "°")],
        [words.altitude, m(p?.altM)],
        [words.lat, p && quantity(p.lat, "°", 5)],
        [words.lon, p && quantity(p.lon, "°", 5)],
        [words.time, p?.at === undefined ? undefined : <Time at={p.at} now={now} />],
        [words.sentences, number(gps.sentences)],
      ]}
    />
  );
};

const Quality = ({ snapshot, now }: { readonly snapshot: Snapshot; readonly now: number }): JSX.Element => {
  const { position: words } = useWords();
  const { trail } = snapshot;
  const series = (values: readonly (number | null)[] = []) =>
    seriesOf(snapshot, trail?.monoS ?? [], values, now);
  return (
    <>
      <Panel title={words.accuracy}>
        <Chart title={words.accuracyChart} series={series(trail?.accuracyM)} digits={1} symbol="m" />
        {trail && <Fixes fix={trail.fix} />}
      </Panel>
      <Panel title={words.used}>
        <Chart title={words.satellitesChart} series={series(trail?.satellites)} />
      </Panel>
    </>
  );
};

/** Where the car is, and how well that is known. */
export const PositionView = ({
  snapshot,
  now,
}: {
  readonly snapshot: Snapshot;
  readonly now: number;
}): JSX.Element => {
  const { position: words, titles } = useWords();
  const satellites = snapshot.satellites ?? [];
  return (
    <div class="columns">
      <Panel title={words.track}>
        <Track snapshot={snapshot} />
      </Panel>
      <Panel title={titles.position}>
        <Fix snapshot={snapshot} now={now} />
      </Panel>
      <Panel title={words.sky}>
        <Sky satellites={satellites} />
      </Panel>
      <Panel title={`${words.signals}, ${words.signalUnit}`}>
        <Signals satellites={satellites} />
      </Panel>
      <Quality snapshot={snapshot} now={now} />
    </div>
  );
};
