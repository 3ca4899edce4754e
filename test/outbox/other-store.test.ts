import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { event, openLives, position } from "./lives.ts";

/** Reports of a store whose name was lost: no receipt of the store that follows it is about them. */

const openIn = (lives: ReturnType<typeof openLives>) => {
  const random = createRandom(1);
  return async () => {
    const outbox = await lives.open(random);
    void outbox.keep("dispatch", true);
    return outbox;
  };
};
const isGap = ({ kind, data }: { kind: string; data: object }) =>
  kind === "event" && "type" in data && data.type === "gap";

test("a vital file that is lost on a read-only disk takes no waiting report with it", async () => {
  const lives = openLives();
  const { pass, disk, pending } = lives;
  const open = openIn(lives);
  const first = await open();
  for (const draft of [event("a"), position, position]) first.append(draft);
  await pass(2_000);
  disk.cut();
  for (const [place] of disk.places.entries()) disk.corruptVital(place);
  disk.fault = { kind: "read-only" };
  const second = await open();
  await pass(5_000);
  disk.fault = undefined;
  await pass(10_000);
  const ofFirst = async () => (await pending(second)).filter(({ store }) => store === first.store);
  expect(await ofFirst()).toHaveLength(3);
  const gaps = (await pending(second)).filter(isGap);
  second.sending(gaps);
  second.acknowledge(gaps, true);
  const receipted = second.receipted(Math.max(...gaps.map(({ seq }) => seq)), []);
  await pass(2_000);
  await receipted;
  expect(await ofFirst()).toHaveLength(3);
});

test("a renewed store whose vital file is lost gives what waits numbers of its own all the same", async () => {
  const lives = openLives();
  const { pass, disk, pending, renew } = lives;
  const open = openIn(lives);
  const first = await open();
  for (const draft of [event("a"), position, position]) first.append(draft);
  await pass(2_000);
  await renew(first);
  await open();
  await pass(20_000);
  disk.cut();
  for (const [place] of disk.places.entries()) disk.corruptVital(place);
  const third = await open();
  await pass(5_000);
  expect(new Set((await pending(third)).map(({ store }) => store))).toEqual(new Set([third.store]));
});
