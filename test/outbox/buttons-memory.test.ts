import { expect, test } from "vitest";
import { NO_MEMORY } from "../../src/domain/memory.ts";
import { readMemory } from "../../src/outbox/memory.ts";
import { keptEpisode } from "./kept-episode.ts";

const read = (memory: object) => readMemory(JSON.parse(JSON.stringify({ ...NO_MEMORY, ...memory })));

test("a memory of a release that did not know buttons is read as it is", () => {
  expect(read({})).toEqual({ memory: NO_MEMORY, unread: [] });
});

test("a button that cannot be read costs no other, and a list that is none costs nothing else", () => {
  const dash = { button: "dash", since: 1, pressedAt: 2 };
  const boot = { button: "boot", since: 1 };
  const { memory, unread } = read({ buttons: [dash, { button: "x", since: "long ago" }, boot] });
  expect(memory.buttons).toEqual([dash, boot]);
  expect(unread).toEqual([expect.stringContaining("a button cannot be read")]);
  const episodes = [keptEpisode()];
  const broken = read({ buttons: "none", emergency: { ...NO_MEMORY.emergency, episodes } });
  expect(broken.memory.buttons).toBeUndefined();
  expect(broken.memory.emergency.episodes).toHaveLength(1);
});

test("what is known of the first press of an episode is kept", () => {
  const kept = keptEpisode();
  const known = { first: { board: "0badcafe", number: 7 }, heldMs: 200, heldUnsent: true, sentPresses: 1 };
  const episodes = [{ ...kept, episode: { ...kept.episode, ...known } }];
  const { memory } = read({ emergency: { ...NO_MEMORY.emergency, episodes } });
  expect(memory.emergency.episodes[0]!.episode).toMatchObject(known);
});
