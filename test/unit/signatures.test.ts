import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { signedBy, unsigned, type Compose } from "../../src/wire/signed.ts";
import { openWorld } from "./whole-unit.ts";

const ROOT = "patrol/v1/zrenjanin/zr-117";
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const KEY = publicKey.export({ type: "spki", format: "der" }).toString("base64");
const ours = signedBy(privateKey);
const foreign = signedBy(generateKeyPairSync("ed25519").privateKey);

const openSigned = async (dispatch = `requireSigned: [${KEY}]`) => {
  const world = openWorld([{}]);
  const { unit, page, board } = await world.start("", false, "zr-117", dispatch);
  await world.wait(20_000);
  const say = async (compose: Compose, path: string, message: object): Promise<void> => {
    const topic = `${ROOT}/${path}`;
    world.brokers[0]!.broker.publish(topic, compose(topic, message), { retain: path === "receipt" });
    await world.wait(3_000);
  };
  const refused = () =>
    world
      .events()
      .flatMap(({ type, code, where }) => (type === "fault" && code === "unsigned" ? [where] : []));
  return { world, unit, page, board, say, refused };
};
const iso = (ms: number): string => new Date(ms).toISOString();

test("an emergency is neither accepted nor cleared without a signature of dispatch", async () => {
  const { world, board, say, refused } = await openSigned();
  board.press({ board: "1a2b3c4d", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(3_000);
  const seen = world.heard.findLast(({ topic }) => topic.includes("/emergency/"))!.topic;
  const ack = `${seen.slice(ROOT.length + 1)}/ack`;
  const clears = (compose: Compose) =>
    say(compose, ack, { stage: "cleared", by: "x", at: iso(world.time.host()) });
  await clears(unsigned);
  await clears(foreign);
  // Signed for another episode.
  const elsewhere: Compose = (_, message) =>
    ours(`${ROOT}/emergency/01JDD3ZZZZZZZZZZZZZZZZZZZZ/ack`, message);
  await clears(elsewhere);
  expect(world.lamps.at(-1)).toBe("sent");
  expect(refused()).toContain("ack");
  await say(ours, ack, { stage: "accepted", by: "x", at: iso(world.time.host()) });
  expect(world.lamps.at(-1)).toBe("accepted");
  await clears(ours);
  expect(world.lamps.at(-1)).toBe("idle");
});

test("a command is run only if dispatch has signed it", async () => {
  const { world, say, refused } = await openSigned();
  const ping = (id: string) => ({ id, kind: "ping", expiresAt: iso(world.time.host() + 60_000) });
  await say(unsigned, "command", ping("a"));
  await say(foreign, "command", ping("b"));
  await say(ours, "command", ping("c"));
  const replies = world.heard.flatMap(({ topic, report }) =>
    topic.endsWith("/reply") ? [report["id"]] : [],
  );
  expect(replies).toEqual(["c"]);
  expect(refused()).toContain("command");
});

test("a report leaves the car only with a signed receipt, however long there is none", async () => {
  const { world, page, say, refused } = await openSigned();
  const waiting = async () => {
    const status = (await world.settle(Promise.resolve(page.status()))) as {
      link: { custody: { mode: string; unreceipted: number } };
    };
    return status.link.custody;
  };
  const receipt = () => ({
    store: world.heard.find(({ topic }) => topic.endsWith("/event"))!.report["store"],
    upTo: Math.max(...world.heard.map(({ report }) => Number(report["seq"] ?? 0))),
    missing: [],
    by: "db",
    at: iso(world.time.host()),
  });
  expect(await waiting()).toMatchObject({ mode: "dispatch" });
  const before = (await waiting()).unreceipted;
  expect(before).toBeGreaterThan(0);
  await say(unsigned, "receipt", receipt());
  expect((await waiting()).unreceipted).toBeGreaterThanOrEqual(before);
  expect(refused()).toContain("receipt");
  await say(ours, "receipt", receipt());
  expect((await waiting()).unreceipted).toBeLessThan(before / 2);
  await world.wait(25 * 3_600_000);
  expect(await waiting()).toMatchObject({ mode: "dispatch" });
});

test("without the setting every message counts, signed or not", async () => {
  const { world, say, refused } = await openSigned("");
  const ping = (id: string) => ({ id, kind: "ping", expiresAt: iso(world.time.host() + 60_000) });
  await say(unsigned, "command", ping("a"));
  await say(foreign, "command", ping("b"));
  const replies = world.heard.flatMap(({ topic, report }) =>
    topic.endsWith("/reply") ? [report["id"]] : [],
  );
  expect(replies).toEqual(["a", "b"]);
  expect(refused()).toEqual([]);
});
