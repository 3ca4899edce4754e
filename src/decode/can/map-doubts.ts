import { conversionTo } from "../../domain/units.ts";
import type { VssSignal } from "../../domain/vss.ts";
import type { DbcSignal } from "../dbc/database.ts";
import { spelledAsVss, unitOf, wideFlag, type SignalMapping } from "./map-entry.ts";

const unitDoubt = (vss: VssSignal, mapping: SignalMapping, signal: DbcSignal): string | undefined => {
  if (vss.type !== "number" || mapping.map) return undefined;
  const unit = unitOf(mapping, signal);
  if (unit === "") {
    // Odometers often count kilometres, VSS metres: a wrong guess is wrong by a factor of 1,000.
    return vss.unit === "m"
      ? `${mapping.from} has no unit: read as metres; if it counts kilometres, add unit: km`
      : undefined;
  }
  return conversionTo(vss.unit ?? "", unit)
    ? undefined
    : `the unit "${unit}" of ${mapping.from} is not known: read as ${vss.unit}; name the right one with unit:`;
};

/** What looks wrong in a line, but may be right. */
export const doubts = (vss: VssSignal, mapping: SignalMapping, signal: DbcSignal): string[] => {
  const labels = [...signal.labels.values()];
  const strange = Object.keys(mapping.map ?? {}).filter(
    (key) => !labels.includes(key) && !/^[+-]?\d+(\.\d+)?$/.test(key),
  );
  const texts = mapping.map ? Object.values(mapping.map) : vss.type === "string" ? labels : [];
  const unknown = texts.filter((text) => vss.values && !vss.values.includes(spelledAsVss(vss, String(text))));
  const unit = unitDoubt(vss, mapping, signal);
  const wide = wideFlag(vss, mapping, signal);
  const unlimited = signal.multiplexed && mapping.staleS === undefined;
  return [
    ...(unlimited
      ? [
          `${mapping.from} is multiplexed: the database does not say how often it is sent, so it is never stale while the bus is awake; state the longest time without it, such as staleS: 10`,
        ]
      : []),
    ...(wide === undefined ? [] : [wide]),
    ...strange.map(
      (key) => `map: "${key}" is neither a label of ${mapping.from} nor a number: it never occurs`,
    ),
    ...unknown.map((text) => `"${text}" is not one of ${vss.values!.join(", ")}`),
    ...(unit === undefined ? [] : [unit]),
  ];
};
