import { describe, expect, test } from "vitest";
import { waitFor } from "../journeys/car.ts";
import { position } from "./reports.ts";
import { CONNECT, idOf, packet, puback } from "./scripted-broker.ts";
import { accepting, healthy, isEmergency, openUnit, press, type Answer } from "./scripted-unit.ts";

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
  [
    "refuses emergencies and hangs up",
    accepting((one, socket) => {
      socket.write(puback(idOf(one), isEmergency(one) ? 0x87 : 0));
      if (isEmergency(one)) socket.end();
    }),
  ],
  ["lets nobody in", (_one, socket) => void socket.end(packet(0x20, Buffer.from([0, 0x87, 0])))],
  ["does not answer CONNECT", () => undefined],
];

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

  test.concurrent("is at the second within 10 s though that one hung up once, and the first refuses emergencies", async () => {
    let hasHungUp = false;
    const second: Answer = (one, socket) => {
      if (hasHungUp) healthy(one, socket);
      else socket.destroy();
      hasHungUp = true;
    };
    const first = accepting(
      (one, socket) => void socket.write(puback(idOf(one), isEmergency(one) ? 0x87 : 0)),
    );
    await using unit = await openUnit([first, second]);
    unit.start();
    await waitFor("a connection", () => unit.brokers[0]!.packets.length > 2, 8_000);
    expect(await press(unit)).toBeLessThan(10_000);
    expect(unit.brokers[1]!.packets.some(isEmergency)).toBe(true);
  });

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
