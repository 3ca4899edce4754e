import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { parseCandumpLine } from "../../src/decode/can/candump.ts";
import { createMatcher } from "../../src/decode/can/message.ts";
import { dbcText, parseDbc } from "../../src/decode/dbc/parser.ts";
import { missed, recordingsFolder } from "./field-data.ts";

const folder = recordingsFolder("can");
const linesOf = (name: string) =>
  gunzipSync(readFileSync(`${folder}/${name}`))
    .toString("latin1")
    .trim()
    .split("\n");
const databaseOf = (name: string) => parseDbc(dbcText(readFileSync(`${folder}/dbc/${name}`)), name);

type Vector = {
  readonly dbc: string;
  readonly frame_id: number;
  readonly extended: boolean;
  readonly message: string;
  readonly data: string;
  readonly raw: Readonly<Record<string, number | string>>;
  readonly phys: Readonly<Record<string, number | string>>;
};
/** JSON.parse rounds integers past 2^53: those are taken as text. */
const vectorOf = (line: string): Vector =>
  JSON.parse(line.replaceAll(/: (-?\d{16,})([,}])/g, ': "$1"$2')) as Vector;

if (folder === undefined) missed(30, "databases, vectors and a RAV4's twenty seconds");

describe.skipIf(folder === undefined)("databases of others", () => {
  const names = folder === undefined ? [] : readdirSync(`${folder}/dbc`);

  test.each(names)("%s is understood", (name) => {
    expect(databaseOf(name).messages.length).toBeGreaterThan(0);
  });

  test("decode as cantools decodes them, raw and physical", () => {
    const matchers = new Map(names.map((name) => [name, createMatcher(databaseOf(name))]));
    let compared = 0;
    for (const line of linesOf("vectors.jsonl.gz")) {
      const vector = vectorOf(line);
      const data = Buffer.from(vector.data, "hex");
      const found = matchers.get(vector.dbc)!({
        t: 0,
        bus: "",
        id: vector.frame_id,
        extended: vector.extended,
        data,
      });
      expect(found?.message.name, line).toBe(vector.message);
      const present = new Map(found!.signals.map((s) => [s.signal.name, s]));
      for (const { signal, raw } of found!.signals) {
        if (raw(data) !== undefined)
          expect(Object.keys(vector.raw), `${signal.name} in ${line}`).toContain(signal.name);
      }
      for (const [name, raw] of Object.entries(vector.raw)) {
        const signal = present.get(name)!;
        // Not a number is no value of ours.
        if (raw === "nan") expect(signal.raw(data)).toBeUndefined();
        else expect(String(signal.raw(data)), `${name} in ${line}`).toBe(String(raw));
        const physical = vector.phys[name]!;
        if (typeof physical === "string" && physical !== "nan") {
          expect(String(signal.physical(data)), `${name} in ${line}`).toBe(physical);
        } else if (typeof physical === "number")
          expect(Number(signal.physical(data))).toBeCloseTo(physical, 9);
        compared++;
      }
    }
    process.stdout.write(`signals compared with cantools: ${compared}\n`);
    expect(compared).toBeGreaterThan(2_000);
  });
});

type Golden = { readonly t: number; readonly frame: number; readonly signal: string; readonly value: number };

test.skipIf(folder === undefined)(
  "twenty seconds of a RAV4 decode to what the data set's authors decoded",
  () => {
    const messageOf = createMatcher(databaseOf("toyota_nodsu_pt_generated.dbc"));
    const seen = new Map<string, { t: number; values: Record<string, number> }[]>();
    for (const line of linesOf("rav4-20s.candump.gz")) {
      const frame = parseCandumpLine(line);
      if (typeof frame === "string") continue;
      const found = messageOf(frame);
      if (!found || ![170, 180, 37].includes(frame.id)) continue;
      const values = Object.fromEntries(
        found.signals.map((s) => [s.signal.name, Number(s.physical(frame.data))]),
      );
      values["STEER_ANGLE+STEER_FRACTION"] = values["STEER_ANGLE"]! + values["STEER_FRACTION"]!;
      const key = String(frame.id);
      seen.set(key, [...(seen.get(key) ?? []), { t: frame.t, values }]);
    }
    let exact = 0;
    for (const line of linesOf("rav4-20s.expected.jsonl.gz")) {
      const golden = JSON.parse(line) as Golden;
      const frames = seen.get(String(golden.frame))!;
      if (golden.signal === "SPEED") {
        // Theirs is interpolated and scaled from the wheels: near, not equal.
        const near = frames.reduce((best, f) =>
          Math.abs(f.t - golden.t) < Math.abs(best.t - golden.t) ? f : best,
        );
        expect(Math.abs(near.values["SPEED"]! - golden.value)).toBeLessThan(0.5 + golden.value * 0.04);
        continue;
      }
      const matching = frames.filter((f) => f.t === golden.t).map((f) => f.values[golden.signal]!);
      expect(Math.min(...matching.map((value) => Math.abs(value - golden.value))), line).toBeLessThan(1e-3);
      exact++;
    }
    expect(exact).toBeGreaterThan(6_000);
  },
);
