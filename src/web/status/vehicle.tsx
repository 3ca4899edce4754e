import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Snapshot } from "../../domain/snapshot.ts";
import { useFormat, type Format } from "../viewer/number-format.ts";
import { shownSpan } from "../viewer/time.ts";
import { Facts, Panel, Search } from "./parts.tsx";
import { useWords } from "./words.ts";

type Can = NonNullable<Snapshot["can"]>;
type Signal = NonNullable<Can["signals"]>[number];

/** Symbols of VSS's unit names. Others are shown as VSS writes them. */
const SYMBOLS: Readonly<Record<string, string>> = {
  Celsius: "°C",
  percent: "%",
  degrees: "°",
  "degrees/s": "°/s",
  "m/s^2": "m/s²",
  rpm: "min⁻¹",
};

const frameOf = ({ frameId, extended }: Signal): string =>
  `0x${frameId
    .toString(16)
    .toUpperCase()
    .padStart(extended ? 8 : 3, "0")}`;

const matches = (signal: Signal, text: string): boolean =>
  `${signal.path} ${signal.message} ${signal.signal} ${frameOf(signal)}`
    .toLowerCase()
    .includes(text.trim().toLowerCase());

const Value = ({ signal: { value } }: { readonly signal: Signal }): JSX.Element => {
  const { vehicle } = useWords();
  const { number } = useFormat();
  if (value === undefined) return <>–</>;
  if (typeof value === "boolean") return <>{value ? vehicle.yes : vehicle.no}</>;
  return <>{typeof value === "number" ? number(value, Number.isInteger(value) ? 0 : 2) : value}</>;
};

/** A VSS path, which may be broken after its dots. */
const Path = ({ path }: { readonly path: string }): JSX.Element => (
  <code>
    {path.split(".").map((piece, n) => (
      <span key={piece}>
        {n > 0 && (
          <>
            .<wbr />
          </>
        )}
        {piece}
      </span>
    ))}
  </code>
);

/** Tenths of a second count as long as they are few. */
const age = (ms: number, quantity: Format["quantity"]): string =>
  ms < 9_950 ? quantity(ms / 1_000, "s", 1) : shownSpan(ms);

const Row = ({ signal }: { readonly signal: Signal }): JSX.Element => {
  const { vehicle: words } = useWords();
  const { quantity } = useFormat();
  const { path, unit, ageMs, stale, message } = signal;
  return (
    <tr role="row" class={stale ? "stale" : undefined}>
      <th scope="row" role="rowheader" class="whole">
        <Path path={path.replace(/^Vehicle\./, "")} />
      </th>
      <td role="cell" class="value number">
        <Value signal={signal} /> {unit === undefined ? "" : (SYMBOLS[unit] ?? unit)}
      </td>
      <td role="cell" class="end number">
        {ageMs === undefined ? "–" : age(ageMs, quantity)} {stale && <span class="tag">{words.stale}</span>}
      </td>
      <td role="cell" class="whole number">
        <code>{frameOf(signal)}</code> <span class="note">{message}</span>
      </td>
    </tr>
  );
};

const SignalTable = ({ signals }: { readonly signals: readonly Signal[] }): JSX.Element => {
  const { vehicle: words } = useWords();
  const { number } = useFormat();
  const [text, setText] = useState("");
  const found = signals.filter((signal) => matches(signal, text));
  if (signals.length === 0) return <p class="note">{words.nothing}</p>;
  return (
    <>
      <Search label={words.search} value={text} search={setText} />
      <p class="note number">{words.found(number(found.length), number(signals.length))}</p>
      {found.length === 0 ? (
        <p class="note">{words.nothingFound}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label={words.signal}>
          <table class="rows" role="table">
            <thead>
              <tr>
                <th scope="col">{words.signal}</th>
                <th scope="col">{words.value}</th>
                <th scope="col">{words.age}</th>
                <th scope="col">{words.frame}</th>
              </tr>
            </thead>
            <tbody>
              {found.map((signal) => (
                <Row key={signal.path} signal={signal} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
};

/** The vehicle's signals as they are now. */
export const VehicleView = ({ snapshot: { can } }: { readonly snapshot: Snapshot }): JSX.Element => {
  const { vehicle: words, titles } = useWords();
  const { number } = useFormat();
  if (!can)
    return (
      <Panel title={titles.vehicle}>
        <p class="note">{words.none}</p>
      </Panel>
    );
  const state = can.state === "heard" || can.state === "silent" ? words.state[can.state] : can.state;
  return (
    <div class="stack">
      <Panel title={words.bus}>
        <Facts
          of={[
            [words.bus, can.interface === undefined ? state : `${can.interface}: ${state}`],
            [words.profile, can.profile ?? can.database],
            [words.frames, number(can.frames)],
            [words.dropped, number(can.dropped)],
          ]}
        />
      </Panel>
      <Panel title={words.signals}>
        <SignalTable signals={can.signals ?? []} />
      </Panel>
    </div>
  );
};
