import { describe, expect, test } from "vitest";
import { waitFor } from "../journeys/car.ts";
import { emergency } from "./reports.ts";
import { connack, CONNECT, PUBLISH } from "./scripted-broker.ts";
import { accepting, healthy, isEmergency, openUnit, press, type Answer } from "./scripted-unit.ts";

describe("a broker that announces what the unit cannot live with", () => {
  const announcing = (...properties: number[]): Answer => {
    const accepts = connack(properties);
    return (one, socket) => {
      if (one.type === CONNECT) socket.write(accepts);
      else healthy(one, socket);
    };
  };

  test("a press is published without retain to the only broker, which keeps no retained messages", async () => {
    await using unit = await openUnit([announcing(0x25, 0)]);
    unit.start();
    await waitFor("the fault", () => unit.downs.length > 0);
    expect(unit.downs[0]!.message).toContain("keeps no retained messages");
    expect(await press(unit)).toBeLessThan(5_000);
    const RETAIN = 1;
    const emergencies = unit.brokers[0]!.packets.filter(isEmergency);
    expect(emergencies.map(({ first }) => first & RETAIN)).toEqual(emergencies.map(() => 0));
  });

  test("one that takes no QoS 1 gets nothing, and the fault does not become a guess", async () => {
    await using unit = await openUnit([announcing(0x24, 0)]);
    unit.start();
    unit.press(emergency(1));
    await waitFor("some attempts", () => unit.brokers[0]!.sockets.length > 4, 20_000);
    expect(new Set(unit.downs.map(({ message }) => message.replace(/^\S+ /, "")))).toEqual(
      new Set(["the broker takes no messages with QoS 1 (Maximum QoS 0): dispatch must allow QoS 1 there"]),
    );
    expect(unit.brokers[0]!.packets.some(({ type }) => type === PUBLISH)).toBe(false);
  });

  test("one that hangs up with a reason again and again: the fault keeps the reason", async () => {
    const QOS_NOT_SUPPORTED = Buffer.from([0xe0, 1, 0x9b]);
    await using unit = await openUnit([accepting((_one, socket) => void socket.end(QOS_NOT_SUPPORTED))]);
    unit.start();
    await waitFor("some attempts", () => unit.brokers[0]!.sockets.length > 3, 25_000);
    expect(unit.downs.map(({ message }) => message)).toEqual([
      expect.stringContaining("0x9b, it takes no messages with QoS 1"),
    ]);
  });
});
