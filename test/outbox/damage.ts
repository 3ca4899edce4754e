import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "../../src/demo/random.ts";
import { LANES } from "../../src/domain/pending.ts";
import type { Draft, Report } from "../../src/domain/report.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { EPISODE, keptEpisode, remembering } from "./kept-episode.ts";
import { openTestOutbox } from "./open-outbox.ts";

/** A store as a killed unit leaves it, with tables, a log and an open episode, and what was put into it. */
export type CutStore = {
  readonly path: string;
  /** By number, as JSON. */
  readonly stored: ReadonlyMap<number, string>;
  readonly settled: ReadonlySet<number>;
  readonly highest: number;
};

/** Large records: a table is soon full, and there are few to be read in each case. */
const SIGNALS = 64;
const RECORDS = 2_400;
const MORE = 200;

const draftOf = (n: number, random: () => number): Draft =>
  n % 50 === 0
    ? { kind: "event", data: { type: "fault", part: "gps", detail: `event ${n}` }, at: n, clock: "ntp" }
    : {
        kind: "vehicle",
        data: {
          signals: Object.fromEntries(Array.from({ length: SIGNALS }, (_, i) => [`S${i}`, random()])),
        },
        at: n,
        clock: "ntp",
      };

const COPIES = 5;
/** Copies a store that is open: LevelDB may delete a table meanwhile, and then the copy is made anew. */
const copyOpen = (from: string, to: string): void => {
  for (let left = COPIES; ; left--) {
    try {
      cpSync(from, to, { recursive: true });
      return;
    } catch (cause) {
      if (left === 1) throw cause;
      rmSync(to, { recursive: true, force: true });
    }
  }
};

export const makeCutStore = async (folder: string): Promise<CutStore> => {
  const original = join(folder, "original");
  const path = join(folder, "cut");
  const stored = new Map<number, string>();
  const settled = new Set<number>();
  await using outbox = await openTestOutbox(original);
  const random = createRandom(3);
  const fill = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const report = outbox.append(draftOf(n, random));
      stored.set(report.seq, JSON.stringify(report));
      if (n % 200 === 199) await outbox.flush();
    }
    await outbox.flush();
  };
  await fill(RECORDS);
  const { reports } = await outbox.read("telemetry", 0, 100);
  outbox.acknowledge(reports, true);
  for (const { seq } of reports) settled.add(seq);
  outbox.remember(remembering(EPISODE));
  await fill(MORE);
  // As a power cut leaves it.
  copyOpen(original, path);
  cpSync(`${original}.vital`, `${path}.vital`);
  return { path, stored, settled, highest: stored.size };
};

type Fault = {
  readonly name: string;
  /** The bytes that are left; undefined: no file. */
  readonly leaves: (bytes: Buffer, random: () => number) => Buffer | undefined;
};
const at = (bytes: Buffer, random: () => number): number => Math.floor(random() * bytes.length);
const FAULTS: readonly Fault[] = [
  { name: "removed", leaves: () => undefined },
  { name: "emptied", leaves: () => Buffer.alloc(0) },
  { name: "cut short", leaves: (bytes, random) => bytes.subarray(0, at(bytes, random)) },
  {
    name: "one bit flipped",
    leaves(bytes, random) {
      if (bytes.length > 0) bytes[at(bytes, random)]! ^= 1 << Math.floor(random() * 8);
      return bytes;
    },
  },
  {
    name: "512 bytes of noise",
    leaves(bytes, random) {
      const from = at(bytes, random);
      for (let n = from; n < Math.min(bytes.length, from + 512); n++) bytes[n] = Math.floor(random() * 256);
      return bytes;
    },
  },
];

export type Case = { readonly file: string; readonly fault: Fault; readonly seed: number };

/** Cases without end: every fault in every file, then again elsewhere in each. */
export function* casesFrom(cut: CutStore, seed: number): Generator<Case> {
  const files = [...readdirSync(cut.path).filter((name) => name !== "LOCK"), "../case.vital"];
  for (let round = seed; ; round++)
    for (const fault of FAULTS) for (const file of files) yield { file, fault, seed: round };
}

/** All that can be read, until a look finds nothing new, and all that is declared. */
export const accountOf = async (
  outbox: Outbox,
): Promise<{ read: Map<number, Report>; declared: Set<number> }> => {
  const read = new Map<number, Report>();
  for (let before = -1; before < read.size;) {
    before = read.size;
    for (const lane of LANES) {
      for (let after = 0; ;) {
        const page = await outbox.read(lane, after, 2_000);
        for (const report of page.reports) read.set(report.seq, report);
        if (page.cursor === after) break;
        after = page.cursor;
      }
    }
    // What was found damaged is declared in a batch of its own, and a table is repaired by then.
    await outbox.flush();
  }
  const declared = new Set<number>();
  for (const { kind, data } of read.values()) {
    if (kind !== "event" || data.type !== "gap") continue;
    const kept = new Set(data.kept);
    for (let seq = data.from; seq <= data.to; seq++) if (!kept.has(seq)) declared.add(seq);
  }
  return { read, declared };
};

export type CaseOutcome = {
  readonly name: string;
  /** What is not as it must be, a line each. */
  readonly wrong: readonly string[];
  /** Numbers that were declared. */
  readonly declared: number;
  readonly news: readonly string[];
};

const inflict = (path: string, { file, fault, seed }: Case): void => {
  const target = join(path, file);
  const left = fault.leaves(readFileSync(target), createRandom(seed));
  if (left === undefined) rmSync(target);
  else if (left.length === 0) truncateSync(target, 0);
  else writeFileSync(target, left);
};

/** Opens a copy with one fault: it must open, read nothing false, and account for every number. */
export const tryCase = async (cut: CutStore, folder: string, of: Case): Promise<CaseOutcome> => {
  for (const name of readdirSync(folder))
    if (name.startsWith("case")) rmSync(join(folder, name), { recursive: true });
  const path = join(folder, "case");
  cpSync(cut.path, path, { recursive: true });
  cpSync(`${cut.path}.vital`, `${path}.vital`);
  inflict(path, of);
  const news: string[] = [];
  let doubtful = false;
  await using outbox = await openTestOutbox(path, {
    on: { news: (line) => void news.push(line), doubtful: () => (doubtful = true) },
  });
  const { read, declared } = await accountOf(outbox);
  const next = outbox.append(draftOf(0, () => 0)).seq;
  const inVital = of.file.endsWith(".vital");
  const kept = JSON.stringify(outbox.memory.emergency.episodes) === JSON.stringify([keptEpisode()]);
  const untrue = [...read].filter(
    ([seq, report]) => seq <= cut.highest && JSON.stringify(report) !== cut.stored.get(seq),
  );
  const lost = [...cut.stored.keys()].filter(
    (seq) => !read.has(seq) && !declared.has(seq) && !cut.settled.has(seq),
  );
  const expected: readonly (readonly [boolean, string])[] = [
    [untrue.length === 0, `false: ${untrue.map(([seq]) => seq).join(" ")}`],
    [lost.length === 0, `neither read nor declared: ${lost.join(" ")}`],
    [next > cut.highest, `${next} is given again`],
    // The open episode is in the vital file alone; if a fault there may have cost it, that is said.
    [kept || (inVital && doubtful), "the open episode is lost"],
    [inVital || !doubtful, "the memory is in doubt"],
    [outbox.boot > 1, `boot ${outbox.boot}`],
  ];
  return {
    name: `${of.file} ${of.fault.name}, seed ${of.seed}`,
    wrong: expected.flatMap(([holds, what]) => (holds ? [] : [what])),
    declared: [...declared].filter((seq) => seq <= cut.highest).length,
    news,
  };
};
