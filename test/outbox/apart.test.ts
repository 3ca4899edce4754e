import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { EPISODE, remembering } from "./kept-episode.ts";
import { emergency, openLives } from "./lives.ts";

/** A life that stores an emergency while no memory can be written. */
const openApart = async () => {
  const lives = openLives();
  const { disk, pass, open } = lives;
  const outbox = await open(createRandom(1));
  disk.fault = { kind: "vital-refuses", spare: "refuses" };
  outbox.remember(remembering(EPISODE));
  outbox.append(emergency);
  await pass(5_000);
  /** The store takes nothing more, and the process is gone. */
  const gone = async () => {
    disk.fault = { kind: "full" };
    await pass(1_000);
    disk.processGone();
    disk.fault = undefined;
    return open(createRandom(2));
  };
  return { ...lives, outbox, gone };
};

test("an episode of which only the report could be stored goes on in the next life", async () => {
  const { gone, recalled } = await openApart();
  await gone();
  expect(recalled).toEqual([EPISODE]);
});

test("one that has ended since, when the memory could be written again, does not", async () => {
  const { disk, outbox, pass, gone, orphans, recalled } = await openApart();
  // Only the vital file: the ledger on disk still says that the memory lacks the episode.
  disk.fault = { kind: "full" };
  await pass(5_000);
  outbox.remember({ emergency: { episodes: [], presses: [], copies: [], airbags: [] } });
  await pass(5_000);
  await gone();
  expect([...orphans, ...recalled]).toEqual([]);
});
