import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

const COMMAND = "patrol/v1/zrenjanin/zr-117/command";

const press = { board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 };

/** On 64 kbit/s a message of 500 KiB takes a minute, and no answer of the broker can pass it. */
const onSlowLink = async () => {
  const world = openWorld([{}]);
  const { board } = await world.start();
  await world.wait(20_000);
  for (const { route } of world.brokers) world.network.change(route, { bytesPerS: 8_000 });
  const births = () =>
    world.heard.filter(({ topic, report }) => topic.endsWith("/state") && report["state"] === "online")
      .length;
  const say = (topic: string, payload: Buffer) => {
    for (const { broker } of world.brokers) broker.publish(topic, payload, {});
  };
  return { ...world, board, births, say };
};

test("a message that takes a minute to arrive does not end the connection, and what is behind it arrives", async () => {
  const { say, births, wait, heard, logs } = await onSlowLink();
  const before = births();
  say(COMMAND, Buffer.alloc(500 * 1024, "x"));
  say(
    COMMAND,
    Buffer.from(JSON.stringify({ id: "behind", kind: "ping", expiresAt: "2026-11-25T00:00:00.000Z" })),
  );
  await wait(90_000);
  expect(heard.filter(({ topic }) => topic.endsWith("/reply")).map(({ report }) => report["id"])).toContain(
    "behind",
  );
  expect(births()).toBe(before);
  expect(logs.filter(({ part, level }) => part === "link" && level !== "info")).toEqual([]);
});

test("a press meanwhile is at dispatch at once, and its end arrives behind the message", async () => {
  const { say, wait, heard, board, lamps } = await onSlowLink();
  say(COMMAND, Buffer.alloc(500 * 1024, "x"));
  await wait(5_000);
  board.press(press);
  await wait(2_000);
  const { topic } = heard.find((one) => /\/emergency\/[^/]+$/.test(one.topic))!;
  const ack = (stage: string) => say(`${topic}/ack`, Buffer.from(JSON.stringify({ stage })));
  ack("received");
  await wait(10_000);
  ack("accepted");
  await wait(40_000);
  ack("cleared");
  await wait(90_000);
  expect(lamps.at(-1)).toBe("idle");
});

test("a press that nobody answers does not end the connection on which a large message arrives", async () => {
  const { say, births, wait, board, lamps } = await onSlowLink();
  const before = births();
  say(COMMAND, Buffer.alloc(500 * 1024, "x"));
  await wait(2_000);
  board.press(press);
  await wait(60_000);
  expect([births(), lamps.at(-1)]).toEqual([before, "sent"]);
});

test("a press that finds no place on the wire is at dispatch within 10 s, whatever arrives", async () => {
  const world = openWorld([{ receiveMaximum: 1, refusesCouriers: "unauthorised" }]);
  const { board } = await world.start();
  await world.wait(20_000);
  for (const { route, broker } of world.brokers) {
    world.network.change(route, { bytesPerS: 8_000 });
    broker.publish(COMMAND, Buffer.alloc(500 * 1024, "x"), {});
  }
  await world.wait(500);
  board.fault("unplugged", "an event, which has no answer yet");
  await world.wait(500);
  board.press(press);
  await world.wait(10_000);
  expect(world.heard.filter(({ report }) => report["kind"] === "emergency")).not.toEqual([]);
});

// The birth had the only place on each connection, behind which the large message came again, for an hour.
test("presses leave a broker with one place, although a message in its session takes longer to come than they wait", async () => {
  const world = openWorld([{ receiveMaximum: 1, refusesCouriers: "unauthorised" }]);
  const { board } = await world.start();
  await world.wait(30_000);
  const { route, broker } = world.brokers[0]!;
  route.unreachable = true;
  world.network.reset(route);
  await world.wait(5_000);
  broker.publish(COMMAND, Buffer.alloc(1_000 * 1024, "x"), {});
  // At this latency the link and the courier, which has to use its client id, connect at the same moment.
  world.network.change(route, { latencyMs: 30 });
  await world.wait(10_000);
  route.unreachable = false;
  await world.wait(3_000);
  for (let number = 1; number <= 4; number++) {
    board.press({ ...press, number });
    await world.wait(10_000);
    const presses = world.heard
      .filter(({ report }) => report["kind"] === "emergency")
      .map(({ report }) => (report["data"] as { presses: number }).presses);
    expect(Math.max(...presses)).toBe(number);
    await world.wait(7_300);
  }
});

test("a retained bundle comes once in a life, however often the link is lost", async () => {
  const world = openWorld([{}]);
  let bundles = 0;
  for (const { broker } of world.brokers)
    broker.publish("patrol/v1/zrenjanin/zr-117/bundle", Buffer.from("a bundle"), { retain: true });
  const bundle = (): void => void bundles++;
  await world.start("", false, "zr-117", "", undefined, { bundle });
  for (let n = 0; n < 3; n++) {
    await world.wait(30_000);
    for (const { route } of world.brokers) world.network.reset(route);
  }
  expect(bundles).toBe(1);
  for (const { broker } of world.brokers) {
    // Without its session a broker must be asked again.
    broker.restart({ sessions: true, retained: false });
    broker.publish("patrol/v1/zrenjanin/zr-117/bundle", Buffer.from("another"), { retain: true });
  }
  await world.wait(60_000);
  expect(bundles).toBe(2);
});

test("… and again after its broker has lost its session and another connection has made a new one", async () => {
  const world = openWorld([{}, {}]);
  const got: string[] = [];
  const say = (text: string): void => {
    for (const { broker } of world.brokers)
      broker.publish("patrol/v1/zrenjanin/zr-117/bundle", Buffer.from(text), { retain: true });
  };
  say("a bundle");
  const bundle = (bytes: Buffer): void => void got.push(bytes.toString());
  await world.start("", false, "zr-117", "", undefined, { bundle });
  await world.wait(60_000);
  for (const { broker } of world.brokers) {
    broker.faults.down = true;
    broker.restart({ sessions: true, retained: false });
    // The link is at the other one, and its session here is looked into.
    await world.wait(5_000);
    broker.faults.down = false;
    await world.wait(300_000);
  }
  say("another");
  await world.wait(1_800_000);
  expect(got).toContain("another");
});

test("where a broker accepts one client id only, link and courier do not take it from each other while it arrives", async () => {
  const world = openWorld([{ refusesCouriers: "unauthorised" }]);
  const { route, broker } = world.brokers[0]!;
  const { board } = await world.start();
  await world.wait(60_000);
  board.press(press);
  await world.wait(1_000);
  const { topic } = world.heard.find((one) => /\/emergency\/[^/]+$/.test(one.topic))!;
  const say = (stage: string): void => {
    const text = JSON.stringify({ stage, by: "op", at: new Date(world.time.host()).toISOString() });
    broker.publish(`${topic}/ack`, Buffer.from(text), {});
  };
  say("accepted");
  await world.wait(20_000);
  route.unreachable = true;
  world.network.reset(route);
  await world.wait(5_000);
  broker.publish(COMMAND, Buffer.alloc(900 * 1024, "x"), {});
  say("cleared");
  await world.wait(5_000);
  board.press({ ...press, number: 2 });
  await world.wait(10_000);
  route.unreachable = false;
  await world.wait(60_000);
  expect(broker.waitingSince).toBeUndefined();
  say("cleared");
  await world.wait(30_000);
  expect(world.lamps.at(-1)).toBe("idle");
});
