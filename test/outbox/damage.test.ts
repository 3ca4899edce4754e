import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { accountOf, casesFrom, makeCutStore, tryCase, type CutStore } from "./damage.ts";
import { keptEpisode } from "./kept-episode.ts";
import { openTestOutbox } from "./open-outbox.ts";

/** `npm run soak -- damage` tries hundreds. */
const CASES = 40;
const SEEDS = 1_000_000;
/** The few cases are spread over all files and faults. */
const STRIDE = 11;

let folder: string;
let cut: CutStore;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "damage-"));
  cut = await makeCutStore(folder);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test(`${CASES} faults, each alone: it opens, nothing false is read, every number is there or declared`, async () => {
  const seed = Math.floor(Math.random() * SEEDS);
  const skip = seed % STRIDE;
  const wrong: string[] = [];
  let n = 0;
  for (const one of casesFrom(cut, seed)) {
    if (n === CASES * STRIDE) break;
    if (n++ % STRIDE !== skip) continue;
    // oxlint-disable-next-line no-await-in-loop -- one after another, in one folder
    const outcome = await tryCase(cut, folder, one);
    wrong.push(...outcome.wrong.map((what) => `${outcome.name}: ${what}`));
  }
  process.stdout.write(`${CASES} faults, seed ${seed}\n`);
  expect(wrong, `seed ${seed}`).toEqual([]);
}, 60_000);

test("what is beyond repair is set aside under a name that says when, and declared", async () => {
  const path = join(folder, "beyond");
  cpSync(cut.path, path, { recursive: true });
  cpSync(`${cut.path}.vital`, `${path}.vital`);
  rmSync(join(path, "CURRENT"));
  mkdirSync(join(path, "CURRENT", "in the way"), { recursive: true });
  const news: string[] = [];
  await using outbox = await openTestOutbox(path, { on: { news: (line) => void news.push(line) } });
  expect(news).toHaveLength(1);
  expect(news[0]).toMatch(/beyond repair .* set aside as .*beyond\.damaged-20\d\d-\d\d-\d\dT/);
  expect(readdirSync(folder).filter((name) => name.startsWith("beyond.damaged-"))).toHaveLength(1);
  const { declared } = await accountOf(outbox);
  for (let seq = 1; seq <= cut.highest; seq++)
    if (!declared.has(seq)) throw new Error(`${seq} is not declared`);
  expect(outbox.memory.emergency.episodes).toEqual([keptEpisode()]);
});

test("a lock that another process holds is reported, and nothing is touched", async () => {
  const path = join(folder, "locked");
  cpSync(cut.path, path, { recursive: true });
  await using first = await openTestOutbox(path);
  await expect(openTestOutbox(path)).rejects.toThrow(/in use/);
  expect(first.boot).toBeGreaterThan(0);
});
