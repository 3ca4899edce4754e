import { CAN, GPS, POWER } from "./faults/car.ts";
import { CONFIG, type ConfigCode, type ConfigPart } from "./faults/config.ts";
import { LINK } from "./faults/link.ts";
import { PANIC_BOARD, PANIC_LOOP } from "./faults/panic.ts";
import type { FaultRow } from "./faults/row.ts";
import { CUSTODY, OUTBOX, STATUS } from "./faults/unit.ts";
import { PARTS, type Part } from "./report.ts";

export { isOfCar, type ConfigCode, type ConfigPart } from "./faults/config.ts";
export type { LampSign } from "./faults/row.ts";

/**
 * The catalogue of faults: one row for each (part, code) that the unit can report. The types of
 * `Faults.raise` and `systemd/RUNBOOK.md` are made from it, and a test checks both. To add a fault, add
 * its row in `faults/` and run `npm run generate`.
 */
const PART_ROWS = {
  gps: GPS,
  can: CAN,
  "panic-board": PANIC_BOARD,
  "panic-loop": PANIC_LOOP,
  outbox: OUTBOX,
  link: LINK,
  power: POWER,
  status: STATUS,
  custody: CUSTODY,
} as const;
export type PartWithRows = keyof typeof PART_ROWS;

/** The codes of one part that are not about the configuration. */
export type CodeOf<P extends PartWithRows> = keyof (typeof PART_ROWS)[P] & string;

/** A part and one of its codes. A fault of the configuration can name any part that has a block. */
export type FaultName =
  | { readonly [P in PartWithRows]: { readonly part: P; readonly code: CodeOf<P> } }[PartWithRows]
  | { readonly part: ConfigPart; readonly code: ConfigCode };
export type FaultCode = FaultName["code"];

/** One row, with its part and code. */
export type CatalogueRow = FaultRow & {
  readonly part: Part;
  readonly code: string;
  /** `configuration`: a fault of the configuration file. It stays until the service is restarted. */
  readonly about: "device" | "configuration";
};

const SECTIONS: readonly (readonly [
  CatalogueRow["about"],
  Readonly<Record<string, Readonly<Record<string, FaultRow>>>>,
])[] = [
  ["device", PART_ROWS],
  ["configuration", CONFIG],
];

const catalogue = (): CatalogueRow[] => {
  const all: CatalogueRow[] = [];
  for (const part of PARTS)
    for (const [about, rows] of SECTIONS)
      for (const [code, row] of Object.entries(rows[part] ?? {})) all.push({ part, code, about, ...row });
  return all;
};

/** Every row, in the order of the parts. */
export const CATALOGUE: readonly CatalogueRow[] = catalogue();

type PartThatFails = { [P in PartWithRows]: "failed" extends CodeOf<P> ? P : never }[PartWithRows];

/** The catalogue's code for a device's own code: `failed` if the part has no such code. */
export const codeFor = <P extends PartThatFails>(part: P, code: string): CodeOf<P> | "failed" =>
  isCodeOf(part, code) ? code : "failed";

const isCodeOf = <P extends PartWithRows>(part: P, code: string): code is CodeOf<P> =>
  Object.hasOwn(PART_ROWS[part], code);
