import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { decodePlaces } from "../../src/outbox/vital-record.ts";
import { EPISODE, remembering } from "./kept-episode.ts";
import { emergency, openLives } from "./lives.ts";

/** A life that stores an emergency, and a vital file whose newest place is damaged then. */
const openDamaged = async ({ olderHasIt = false } = {}) => {
  let blocked = false;
  const lives = openLives((disk) => ({
    path: disk.path,
    lock: () => disk.lock(),
    readVital: () => disk.readVital(),
    writeVital: (place, bytes) => disk.writeVital(place, bytes),
    writeSpare: (place, bytes) => disk.writeSpare(place, bytes),
    removeSpare: () => disk.removeSpare(),
    hasStore: () => disk.hasStore(),
    openStore: (opening) => (blocked ? Promise.withResolvers<never>().promise : disk.openStore(opening)),
    setAside: () => disk.setAside(),
    space: () => disk.space(),
    releaseBallast: () => disk.releaseBallast(),
    restoreBallast: () => disk.restoreBallast(),
  }));
  const { disk, pass, open } = lives;
  const first = await open(createRandom(1));
  first.remember(remembering(EPISODE));
  await pass(1_000);
  if (olderHasIt) {
    // Written to the other place: both have the episode.
    first.remember(remembering(EPISODE));
    await pass(1_000);
  }
  first.append(emergency);
  await pass(10_000);
  disk.cut();
  disk.corruptVital(decodePlaces(disk.places).newest!.generation % 2);
  /** A life that ends by a cut. `opens`: its store does. */
  const live = async (seed: number, opens: boolean) => {
    blocked = !opens;
    const outbox = await open(createRandom(seed));
    await pass(10_000);
    return { outbox, cut: () => disk.cut() };
  };
  return { ...lives, live };
};

const superseded = (reports: readonly { readonly kind: string; readonly data: object }[]): boolean =>
  reports.some(({ data }) => "reason" in data && data.reason === "superseded");

test("an episode that an older vital file lacks goes on, though a life in between has ended before its store was open", async () => {
  const { live, orphans, recalled, pending } = await openDamaged();
  const second = await live(2, false);
  expect([...orphans, ...recalled]).toEqual([]);
  second.cut();
  const { outbox } = await live(3, true);
  expect(orphans).toEqual([EPISODE]);
  expect(superseded(await pending(outbox))).toBe(false);
});

test("once the store was open, and the memory written, it is in doubt no longer", async () => {
  const { live, orphans, recalled, pass } = await openDamaged();
  const second = await live(2, true);
  expect(recalled.splice(0)).toEqual([EPISODE]);
  second.outbox.remember({ emergency: { episodes: [], presses: [], copies: [], airbags: [] } });
  await pass(5_000);
  second.cut();
  await live(3, true);
  expect([...orphans, ...recalled]).toEqual([]);
});

test("an episode that has ended in a life whose store did not open does not come back with the store", async () => {
  const { live, orphans, recalled, pass } = await openDamaged({ olderHasIt: true });
  const second = await live(2, false);
  expect(second.outbox.memory.emergency.episodes.map(({ episode }) => episode.id)).toEqual([EPISODE]);
  second.outbox.remember({ emergency: { episodes: [], presses: [], copies: [], airbags: [] } });
  await pass(2_000);
  second.cut();
  const third = await live(3, false);
  third.cut();
  await live(4, true);
  expect([...orphans, ...recalled]).toEqual([]);
});
