import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LANES } from "../../src/domain/pending.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NO_CUSTODY } from "../../src/domain/memory.ts";
import type { Draft, Report } from "../../src/domain/report.ts";
import { openLevel } from "../../src/outbox/level.ts";
import { PLACE_BYTES } from "../../src/outbox/port.ts";
import { encodeKey, LEDGER_KEY, seal, VITAL_KEY } from "../../src/outbox/record.ts";
import { openTestOutbox } from "./open-outbox.ts";
import { EPISODE } from "./kept-episode.ts";

/** An outbox as the version for contract 1.0 left it: its formats, byte by byte. */
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "upgrade-"));
  path = join(folder, "outbox");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const oldReport = (seq: number, kind: "event" | "emergency" | "position") => ({
  v: 1,
  unit: "zrenjanin/zr-117",
  boot: 3,
  seq,
  kind,
  at: "2026-11-24T08:00:00.000Z",
  clock: "gnss",
  mono: 5,
  data: {
    event: { type: "fault", part: "gps", detail: "x" },
    emergency: {
      episode: EPISODE,
      state: "active",
      test: false,
      silent: false,
      button: "dash",
      presses: 1,
      attempt: 1,
    },
    position: { lat: 45, lon: 20, fix: "3d", reason: "interval" },
  }[kind],
});
const oldEpisode = {
  id: EPISODE,
  test: false,
  button: "dash",
  silent: false,
  dark: false,
  pressed: { boot: 3, mono: 5, at: 1_700_000_000_000, clock: "gnss" },
  presses: 1,
  state: "active",
  revision: 1,
  safe: true,
  reach: "sent",
  attempt: 2,
  repeatAt: 4_000,
};
const NOTES = {
  [`episode:${EPISODE}`]: { episode: oldEpisode, report: oldReport(8, "emergency") },
  "board:0badcafe": { below: 3, numbers: [5, 7] },
  "retained:mqtts://dispatch-a:8883": [EPISODE],
  "retained:mqtts://dispatch-b:8883": [EPISODE, "01K0000000000000000000000B"],
  airbags: ["Vehicle.Cabin.Seat.Row1.DriverSide.Airbag.IsDeployed"],
  commands: [{ id: "c1", ok: false, error: "no", until: 1_700_000_000_000 }],
  "held-commands": [{ payload: "e30=", correlation: "AQ==" }],
};
const oldVital = (generation: number, notes: object = NOTES): Buffer =>
  seal(VITAL_KEY, JSON.stringify({ generation, boot: 3, lease: 76, notes }));

const writeFile = (places: readonly (Buffer | undefined)[]): void => {
  const bytes = Buffer.alloc(2 * PLACE_BYTES);
  for (const [place, sealed] of places.entries()) {
    if (!sealed) continue;
    bytes.writeUInt32BE(sealed.length, place * PLACE_BYTES);
    sealed.copy(bytes, place * PLACE_BYTES + 4);
  }
  writeFileSync(`${path}.vital`, bytes);
};

/** Twelve numbers given: 1 to 4 settled, 5 to 12 waiting, 8 an emergency, 9 an event. */
const writeStore = async (copy: Buffer | undefined): Promise<void> => {
  const db = await openLevel(path, true);
  const put = (key: Buffer, text: string) => db.put(key, seal(key, text));
  for (let seq = 5; seq <= 12; seq++) {
    const kind = seq === 8 ? "emergency" : seq === 9 ? "event" : "position";
    await put(encodeKey(kind === "position" ? "telemetry" : kind, seq), JSON.stringify(oldReport(seq, kind)));
  }
  const ledger = { boot: 3, next: 13, lease: 76, settled: [[1, 4]], thinned: [] };
  await put(LEDGER_KEY, JSON.stringify(ledger));
  if (copy) await db.put(VITAL_KEY, copy);
  await db.close();
};

const expectKept = (
  memory: Awaited<ReturnType<typeof openTestOutbox>>["memory"],
  otherCopies = [{ broker: "mqtts://dispatch-b:8883", episode: "01K0000000000000000000000B" }],
): void => {
  expect(memory).toEqual({
    v: 1,
    emergency: {
      episodes: [{ episode: { ...oldEpisode, buttons: [] }, report: oldReport(8, "emergency") }],
      presses: [{ board: "0badcafe", below: 3, numbers: [5, 7] }],
      copies: [
        { broker: "mqtts://dispatch-a:8883", episode: EPISODE },
        { broker: "mqtts://dispatch-b:8883", episode: EPISODE },
        ...otherCopies,
      ],
      airbags: ["Vehicle.Cabin.Seat.Row1.DriverSide.Airbag.IsDeployed"],
    },
    commands: {
      done: [{ id: "c1", ok: false, error: "no", until: 1_700_000_000_000 }],
      held: [{ payload: "e30=", correlation: "AQ==" }],
    },
    custody: NO_CUSTODY,
  });
};
const event: Draft = { kind: "event", data: { type: "shutdown", reason: "x" }, at: 1, clock: "gnss" };
const all = async (outbox: Awaited<ReturnType<typeof openTestOutbox>>): Promise<Report[]> => {
  await outbox.flush();
  const lanes = ["emergency", "event", "telemetry"] as const;
  return (await Promise.all(lanes.map((lane) => outbox.read(lane, 0, 100)))).flatMap(
    ({ reports }) => reports,
  );
};

describe("an outbox of contract 1.0", () => {
  test("keeps its memory, its reports and its numbers; the numbers are declared in the new store", async () => {
    writeFile([oldVital(40), oldVital(39, {})]);
    await writeStore(oldVital(40));
    await using outbox = await openTestOutbox(path);
    expectKept(outbox.memory);
    expect(outbox.boot).toBe(4);
    expect(outbox.append(event).seq).toBeGreaterThanOrEqual(76);
    const reports = await all(outbox);
    expect(
      reports
        .filter(({ boot }) => boot === 3)
        .map(({ seq }) => seq)
        .toSorted((a, b) => a - b),
    ).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
    expect(reports.filter(({ store }) => store === undefined)).toHaveLength(8);
    const gaps = reports.flatMap(({ kind, data }) => (kind === "event" && data.type === "gap" ? [data] : []));
    expect(gaps).toEqual([{ type: "gap", from: 1, to: 75, count: 75, reason: "superseded" }]);
  });

  test("whose file is lost gives its memory from the copy in the store", async () => {
    await writeStore(oldVital(40));
    await using outbox = await openTestOutbox(path);
    expectKept(outbox.memory);
    expect(outbox.boot).toBe(4);
    expect(outbox.append(event).seq).toBeGreaterThanOrEqual(76);
  });

  test("gives the newer of the two memories", async () => {
    writeFile([oldVital(38, {}), oldVital(39, {})]);
    await writeStore(oldVital(40));
    await using outbox = await openTestOutbox(path);
    expectKept(outbox.memory);
  });

  test("that was stopped with an empty store keeps its memory from the file", async () => {
    writeFile([oldVital(40), undefined]);
    await using outbox = await openTestOutbox(path);
    expectKept(outbox.memory);
    expect(outbox.append(event).seq).toBeGreaterThanOrEqual(76);
  });

  test("never brings back what has ended since, also if the vital file is lost later", async () => {
    writeFile([oldVital(40), oldVital(39)]);
    await writeStore(oldVital(40));
    {
      await using outbox = await openTestOutbox(path);
      outbox.remember({ emergency: { ...outbox.memory.emergency, episodes: [] } });
    }
    {
      await using outbox = await openTestOutbox(path);
      expect(outbox.memory.emergency.episodes).toEqual([]);
    }
    rmSync(`${path}.vital`);
    await using outbox = await openTestOutbox(path);
    expect(outbox.memory.emergency.episodes).toEqual([]);
  });

  test("one entry that cannot be read costs no other, but the copies of what may be its episode stay", async () => {
    writeFile([
      oldVital(40, {
        ...NOTES,
        "episode:broken": { episode: { id: 7 } },
        "board:broken": "nothing",
        commands: [{ id: "c1", ok: false, error: "no", until: 1_700_000_000_000 }, { ok: "yes" }],
      }),
      undefined,
    ]);
    await writeStore(undefined);
    const news: string[] = [];
    await using outbox = await openTestOutbox(path, { on: { news: (line) => void news.push(line) } });
    expectKept(outbox.memory, []);
    expect(news.map((line) => line.replace(/ \(.*/, ""))).toEqual([
      "an episode cannot be read",
      "the presses of a board cannot be read",
      "a finished command cannot be read",
    ]);
  });
});

test("what waits keeps waiting when dispatch confirms the new store: no receipt of it is about them", async () => {
  await writeStore(undefined);
  writeFile([oldVital(6), oldVital(7)]);
  await using outbox = await openTestOutbox(path);
  void outbox.keep("dispatch", true);
  const waiting = async () =>
    (await Promise.all(LANES.map((lane) => outbox.read(lane, 0, 500)))).flatMap(({ reports }) => reports);
  const gap = (await waiting()).find(({ kind, data }) => kind === "event" && data.type === "gap")!;
  outbox.sending([gap]);
  outbox.acknowledge([gap], true);
  await outbox.receipted(gap.seq, []);
  const old = (await waiting()).filter(({ store }) => store === undefined);
  expect(old).toHaveLength(8);
  // A broker with a subscriber has them: nobody will say more.
  outbox.acknowledge(old, true);
  expect((await waiting()).filter(({ store }) => store === undefined)).toEqual([]);
});
