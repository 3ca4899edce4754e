import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { createConnect } from "../../src/dispatch/mqtt.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { waitFor } from "../journeys/car.ts";
import { openLink } from "./link-bench.ts";
import { emergency, position } from "./reports.ts";
import {
  CONNACK,
  CONNECT,
  idOf,
  packet,
  puback,
  PUBLISH,
  startScripted,
  suback,
  SUBSCRIBE,
  type Packet,
  type ScriptedBroker,
} from "./scripted-broker.ts";

type Answer = (one: Packet, socket: Socket) => void;

const topicOf = ({ body }: Packet): string => body.subarray(2, 2 + body.readUInt16BE(0)).toString();
const isEmergency = (one: Packet): boolean => one.type === PUBLISH && topicOf(one).includes("/emergency/");

/** Accepts the unit and its subscriptions, and answers what it publishes. */
const accepting =
  (published: Answer): Answer =>
  (one, socket) => {
    if (one.type === CONNECT) socket.write(CONNACK);
    if (one.type === SUBSCRIBE) socket.write(suback(idOf(one), ...(one.body.length > 60 ? [1, 1] : [1])));
    if (one.type === PUBLISH) published(one, socket);
  };
const healthy: Answer = accepting((one, socket) => void socket.write(puback(idOf(one), 0)));

/** What an address does that accepts TCP connections and is of no use. */
const BAD: readonly (readonly [string, Answer])[] = [
  ["acknowledges nothing", accepting(() => undefined)],
  [
    "acknowledges all but emergencies",
    accepting((one, socket) => void (isEmergency(one) || socket.write(puback(idOf(one), 0)))),
  ],
  ["has no subscriber", accepting((one, socket) => void socket.write(puback(idOf(one), 0x10)))],
  ["refuses every message", accepting((one, socket) => void socket.write(puback(idOf(one), 0x87)))],
  [
    "hangs up on an emergency",
    accepting(
      (one, socket) => void (isEmergency(one) ? socket.destroy() : socket.write(puback(idOf(one), 0))),
    ),
  ],
  ["lets nobody in", (_one, socket) => void socket.end(packet(0x20, Buffer.from([0, 0x87, 0])))],
  ["does not answer CONNECT", () => undefined],
];

/** A unit whose only broker has one address for each script, in this order. */
const openUnit = async (scripts: readonly Answer[]) => {
  await using stack = new AsyncDisposableStack();
  const at = (n: number) => `127.0.0.${n + 1}`;
  const brokers: ScriptedBroker[] = [];
  for (const [n, script] of scripts.entries())
    // oxlint-disable-next-line no-await-in-loop -- the first one chooses the port
    brokers.push(stack.use(await startScripted(script, at(n), brokers[0]?.port ?? 0)));
  const lookup = () => Promise.resolve(scripts.map((_, n) => at(n)));
  const url = `mqtt://dispatch:${brokers[0]!.port}`;
  const unit = openLink([url], createConnect(systemTime, lookup), systemTime);
  stack.defer(() => unit.link.stop("the test is over"));
  const owned = stack.move();
  return { ...unit, brokers, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};

/** Presses, and waits until the emergency is acknowledged. Returns how long that took, in milliseconds. */
const press = async (unit: Awaited<ReturnType<typeof openUnit>>): Promise<number> => {
  const begun = performance.now();
  unit.press(emergency(1));
  await waitFor("the emergency", () => unit.delivered.length > 0, 20_000);
  return performance.now() - begun;
};

describe("the addresses of a name: a press", () => {
  test.concurrent.each(BAD)("is at the second within 10 s if the first %s", async (_name, script) => {
    await using unit = await openUnit([script, healthy]);
    unit.outbox.add(position(100));
    unit.start();
    await waitFor("a connection", () => unit.brokers.some(({ packets }) => packets.length > 2), 8_000);
    expect(await press(unit)).toBeLessThan(10_000);
    expect(unit.brokers[1]!.packets.some(isEmergency)).toBe(true);
  });

  test.concurrent.each(BAD)(
    "is at the third within 10 s if each of the two before it %s",
    async (_name, script) => {
      await using unit = await openUnit([script, script, healthy]);
      unit.start();
      await waitFor("a connection", () => unit.brokers.some(({ packets }) => packets.length > 0), 8_000);
      expect(await press(unit)).toBeLessThan(10_000);
    },
  );

  test.concurrent("is at the first again within 10 s if its connection is dead and the second is of no use", async () => {
    let isDead = false;
    const first: Answer = (one, socket) => {
      if (one.type === CONNECT) isDead = !isDead;
      if (one.type === CONNECT || !isDead) healthy(one, socket);
    };
    await using unit = await openUnit([first, BAD[0]![1]]);
    unit.start();
    await waitFor("a connection", () => unit.brokers[0]!.packets.length > 2, 8_000);
    expect(await press(unit)).toBeLessThan(10_000);
  });
});
