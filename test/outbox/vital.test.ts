import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NO_CUSTODY, NO_MEMORY, type Memory } from "../../src/domain/memory.ts";
import { openDisk } from "../../src/outbox/disk.ts";
import { readMemory } from "../../src/outbox/memory.ts";
import { PLACE_BYTES } from "../../src/outbox/port.ts";
import { VitalFile } from "../../src/outbox/vital-file.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { decodePlaces, encodeVital, type ReadVital, type Vital } from "../../src/outbox/vital-record.ts";
import { keptEpisode, remembering } from "./kept-episode.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vital-"));
  path = join(folder, "outbox");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const EMPTY: Vital = {
  generation: 0,
  store: "k3v9q0ab",
  boot: 1,
  connection: 0,
  lease: 1,
  reach: 1,
  memory: NO_MEMORY,
};
const nobody = {
  written: () => undefined,
  failed: () => undefined,
  late: () => undefined,
  shortened: () => undefined,
};
const begun = { time: systemTime, underWay: undefined, vital: EMPTY, on: nobody };
const open = () => {
  const disk = openDisk(path);
  let lease = 1;
  const more = () => ((lease += 64), { lease, reach: lease + 512 });
  return new VitalFile({
    ...begun,
    path,
    home: { write: (place, bytes) => disk.writeVital(place, bytes) },
    lease: more,
  });
};
const read = async (): Promise<ReadVital | undefined> =>
  decodePlaces(await openDisk(path).readVital()).newest;
const id = (n: number): string => `01K${String(n).padStart(23, "0")}`;
const ids = (memory: Memory | undefined): string[] =>
  memory?.emergency.episodes.map(({ episode }) => episode.id) ?? [];

test("it is written to two places in turn: a write that is cut leaves the one before", async () => {
  const file = open();
  for (let n = 1; n <= 20; n++) {
    file.remember(remembering(id(n)));
    for (let more = 0; more < n % 3; more++) file.nextConnection(0);
    await file.secure();
    expect(ids((await read())?.memory)).toEqual([id(n)]);
    // As a cut in the middle of this write would leave it.
    const whole = readFileSync(`${path}.vital`);
    const torn = Buffer.from(whole);
    const place = ((await read())!.generation % 2) * PLACE_BYTES;
    torn.fill(0xaa, place + 20, place + 60);
    writeFileSync(`${path}.vital`, torn);
    expect(ids((await read())?.memory)).toEqual(n === 1 ? [] : [id(n - 1)]);
    expect(decodePlaces(await openDisk(path).readVital()).damaged).toBe(true);
    writeFileSync(`${path}.vital`, whole);
  }
});

test("changes gather while a write is under way: one more write serves all who wait", async () => {
  let writes = 0;
  const disk = openDisk(path);
  const file = new VitalFile({
    ...begun,
    path,
    home: { write: (place, bytes) => (writes++, disk.writeVital(place, bytes)) },
    lease: () => ({ lease: 65, reach: 577 }),
  });
  const waiting: Promise<void>[] = [];
  for (let n = 1; n <= 50; n++) {
    file.remember(remembering(id(n)));
    waiting.push(file.secure());
  }
  await Promise.all(waiting);
  expect(writes).toBe(2);
  expect(ids((await read())?.memory)).toEqual([id(50)]);
  await file.secure();
  expect(writes).toBe(2);
});

test("two writes are never under way at once, whoever asks in between", async () => {
  let underWay = 0;
  let most = 0;
  const home = {
    async write() {
      most = Math.max(most, ++underWay);
      await new Promise(setImmediate);
      underWay--;
    },
  };
  const file = new VitalFile({ ...begun, path, home, lease: () => ({ lease: 1, reach: 1 }) });
  // Asked when the first write has just ended, and the queued one has not begun.
  const first = file.write();
  const late = first.then(() => file.write());
  await Promise.all([first, file.write(), late]);
  expect(most).toBe(1);
});

test("a memory that is too large gives up finished commands first, and never an open episode", () => {
  const done = Array.from({ length: 600 }, (_, n) => ({
    id: `command ${n} ${"x".repeat(250)}`,
    ok: true,
    until: n,
  }));
  const episodes = Array.from({ length: 40 }, (_, n) => keptEpisode(id(n)));
  const memory: Memory = {
    v: 1,
    emergency: { episodes, presses: [], copies: [{ episode: id(1), broker: "a" }], airbags: ["Front"] },
    commands: { done, held: [] },
    custody: NO_CUSTODY,
  };
  const { bytes, isShortened } = encodeVital({ ...EMPTY, memory });
  expect([isShortened, bytes.length <= PLACE_BYTES]).toEqual([true, true]);
  const written = decodePlaces([bytes]).newest!.memory;
  expect(written.emergency).toEqual(memory.emergency);
  const left = written.commands.done;
  expect(left.length).toBeGreaterThan(100);
  expect(left).toEqual(done.slice(-left.length));
});

test("an episode whose scene cannot be read keeps the rest, and says what is missing", () => {
  const { episode, report } = keptEpisode(id(1));
  const data = { ...report.data, track: [{ lat: "north" }], shortened: ["vehicle"] };
  const emergency = { ...NO_MEMORY.emergency, episodes: [{ episode, report: { ...report, data } }] };
  const { memory } = readMemory({ ...NO_MEMORY, emergency });
  expect(memory.emergency.episodes[0]?.report.data).toEqual({
    ...report.data,
    shortened: ["vehicle", "track"],
  });
});

test("open episodes keep their press, time and place when their tracks are too large", () => {
  const track = Array.from({ length: 10 }, () => ({
    lat: 45.123456789,
    lon: 20.123456789,
    ageMs: 1000,
    trusted: true,
  }));
  const episodes = Array.from({ length: 160 }, (_, n) => {
    const kept = keptEpisode(id(n));
    return { ...kept, report: { ...kept.report, data: { ...kept.report.data, track } } };
  });
  const memory: Memory = { ...NO_MEMORY, emergency: { ...NO_MEMORY.emergency, episodes } };
  const { bytes, isShortened } = encodeVital({ ...EMPTY, memory });
  expect([isShortened, bytes.length <= PLACE_BYTES]).toEqual([true, true]);
  const written = decodePlaces([bytes]).newest!.memory;
  expect(ids(written)).toEqual(ids(memory));
  const { data } = written.emergency.episodes[0]!.report;
  expect([data.track, data.shortened]).toEqual([undefined, ["track"]]);
});
