import type { JSX } from "preact";
import type { Snapshot } from "../../domain/snapshot.ts";
import { useFormat } from "../viewer/number-format.ts";
import { signalLevel, skyPoint } from "./sky.ts";
import { useWords } from "./words.ts";

type Satellite = NonNullable<Snapshot["satellites"]>[number];
type Props = { readonly satellites: readonly Satellite[] };

/** RINEX's letters of the constellations. */
const LETTERS: Readonly<Record<string, string>> = {
  gps: "G",
  glonass: "R",
  galileo: "E",
  beidou: "C",
  sbas: "S",
  qzss: "J",
  navic: "I",
};

const nameOf = ({ constellation, prn }: Satellite): string => `${LETTERS[constellation] ?? "?"}${prn}`;

const keyOf = ({ constellation, prn }: Satellite): string => `${constellation} ${prn}`;

/** Where the satellites are above the car: the zenith in the middle, the horizon at the edge, north up. */
export const Sky = ({ satellites }: Props): JSX.Element => {
  const { position: words } = useWords();
  const { number } = useFormat();
  if (satellites.length === 0) return <p class="note">{words.noSky}</p>;
  const tracked = satellites.filter(({ signalDbHz }) => signalLevel(signalDbHz) !== "none").length;
  return (
    <svg
      class="sky"
      viewBox="-112 -112 224 224"
      role="img"
      aria-label={words.skyLabel(number(satellites.length), number(tracked))}
    >
      {[100, 66.7, 33.3].map((r) => (
        <circle key={r} class="ring" r={r} />
      ))}
      <path class="ring" d="M-100 0H100M0-100V100" />
      <text class="compass" y="-102.5" text-anchor="middle">
        {words.north}
      </text>
      {satellites.map((one) => {
        if (one.elevationDeg === undefined || one.azimuthDeg === undefined) return null;
        const { x, y } = skyPoint(one.elevationDeg, one.azimuthDeg);
        return (
          <g
            key={keyOf(one)}
            class={`satellite ${signalLevel(one.signalDbHz)}`}
            transform={`translate(${x * 100} ${y * 100})`}
          >
            <circle r="9.5" />
            <text text-anchor="middle" y="2.8">
              {nameOf(one)}
            </text>
          </g>
        );
      })}
    </svg>
  );
};

/** A bar of 55 dB-Hz is full: receivers seldom report more. */
const FULL_DB_HZ = 55;

/** The strength of each satellite's signal. */
export const Signals = ({ satellites }: Props): JSX.Element => {
  const { position: words } = useWords();
  const { number } = useFormat();
  if (satellites.length === 0) return <p class="note">{words.noSky}</p>;
  const sorted = satellites.toSorted((a, b) => (b.signalDbHz ?? -1) - (a.signalDbHz ?? -1));
  return (
    <ul class="signals">
      {sorted.map((one) => (
        <li key={keyOf(one)}>
          <span class="name number">{nameOf(one)}</span>
          <svg viewBox={`0 0 ${FULL_DB_HZ} 1`} preserveAspectRatio="none" aria-hidden="true">
            <rect class="ground" width={FULL_DB_HZ} height="1" />
            <rect
              class={signalLevel(one.signalDbHz)}
              width={Math.min(FULL_DB_HZ, one.signalDbHz ?? 0)}
              height="1"
            />
          </svg>
          <span class="number">
            {one.signalDbHz === undefined ? (
              <span class="note">{words.notTracked}</span>
            ) : (
              number(one.signalDbHz)
            )}
          </span>
        </li>
      ))}
    </ul>
  );
};
