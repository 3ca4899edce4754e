import { describe, expect, test } from "vitest";
import { emergency } from "./reports.ts";
import { Broker, FULL_LIMITS } from "../simulation/broker.ts";
import { open, up, type Bench, EPISODE, ROOT } from "./link-bench.ts";

describe("an ended episode", () => {
  const cleared = (bench: Bench) => bench.press(emergency(2, "cleared"));

  test("leaves no retained copy anywhere, though its PUBACK was lost and the link has moved", async () => {
    const bench = open();
    await up(bench);
    bench.brokers[0]!.broker.faults.mute = true;
    bench.press(emergency(1));
    await bench.until("the second broker", () => bench.retained() === 2);
    bench.brokers[0]!.broker.faults.mute = false;
    bench.network.reset(bench.brokers[0]!.route);
    cleared(bench);
    await bench.until("the end", () => bench.retained() === 0, 60_000);
    await bench.until("a sweep", () => bench.outbox.pending.length === 0, 60_000);
    await bench.wait(60_000);
    expect(bench.retained()).toBe(0);
    expect(bench.network.connections).toBe(1);
  });

  test("leaves no retained copy at a broker that never acknowledges its end", async () => {
    const bench = open();
    await up(bench);
    bench.press(emergency(1));
    await bench.until("the copy", () => bench.retained() === 1);
    for (const { broker } of bench.brokers) broker.faults.mute = true;
    cleared(bench);
    await bench.until("the removal", () => bench.retained() === 0, 60_000);
    await bench.wait(120_000);
    expect(bench.retained()).toBe(0);
  });

  test("is removed from a broker that was away, within a minute after it is back, and nobody dials on", async () => {
    const bench = open();
    await up(bench);
    bench.press(emergency(1));
    bench.link.emergency(emergency(1, "active", { attempt: 2 }), [...bench.copies]);
    await bench.until("both copies", () => bench.retained() === 2);
    bench.brokers[1]!.broker.faults.down = true;
    bench.network.reset(bench.brokers[1]!.route);
    cleared(bench);
    await bench.wait(3_600_000);
    expect(bench.retained()).toBe(1);
    bench.brokers[1]!.broker.faults.down = false;
    await bench.until("the removal", () => bench.retained() === 0, 60_000);
    await bench.wait(5_000);
    expect(bench.network.connections).toBe(1);
    expect(bench.time.waiting).toBeLessThan(20);
  });

  test("whose end finds no subscriber is not retained any more, and is delivered later", async () => {
    const bench = open([{}], [false]);
    await up(bench);
    bench.press(emergency(1));
    bench.press(emergency(2, "cleared"));
    await bench.until("the removal", () => bench.outbox.pending.length === 2 && bench.retained() === 0);
    await bench.wait(20_000);
    expect(bench.retained()).toBe(0);
    expect(bench.delivered).toEqual([]);
    bench.brokers[0]!.listen();
    await bench.until("both reports", () => bench.outbox.pending.length === 0, 120_000);
    expect(bench.retained()).toBe(0);
    expect(bench.heard.find(({ report }) => report.seq === 1)?.topic).toMatch(/history$/);
  });

  /** Both brokers have a copy, the episode is cleared, and neither has one any more. */
  const endEverywhere = async (bench: Bench): Promise<void> => {
    bench.link.emergency(emergency(1, "active", { attempt: 2 }), [...bench.copies]);
    await bench.until("both copies", () => bench.retained() === 2);
    cleared(bench);
    await bench.until("the end", () => bench.retained() === 0);
    await bench.wait(1_000);
  };

  test("does not count as removed while an old connection can bring its copy back; the sweep removes that too", async () => {
    // The link's client id would close the old connection.
    let isLinked = false;
    const bench = open([{}, {}], [true, true], (url, id) => {
      return isLinked && url === a.url && !id.endsWith(".courier");
    });
    const [a, b] = [bench.brokers[0]!, bench.brokers[1]!];
    const removedAt: Record<string, number> = {};
    bench.link.start({
      ...bench.on,
      removed(episode, broker) {
        removedAt[broker] ??= bench.time.mono();
        bench.on.removed(episode, broker);
      },
    });
    await bench.until("the link", () => bench.link.status.broker === a.url);
    await bench.wait(1_000);
    bench.network.change(a.route, { stalled: true });
    bench.press(emergency(1));
    await bench.until("the link at B", () => bench.link.status.broker === b.url);
    const closedAt = bench.time.mono();
    isLinked = true;
    bench.network.change(a.route, { stalled: false });
    await endEverywhere(bench);
    expect([Object.keys(removedAt), [...bench.copies]]).toEqual([[b.url], [a.url]]);
    await bench.until("the copy that comes back", () => bench.retained() === 1);
    // The ring sweeps the copies that it knows of.
    using _ = bench.time.every(5_000, () => {
      for (const broker of bench.copies) bench.link.remove(EPISODE, broker);
    });
    await bench.until("the sweep", () => bench.retained() === 0, 6_000);
    await bench.until("the end of the sweeps", () => bench.copies.size === 0, 60_000);
    // One and a half keepalives and 10 s after the connection was closed.
    expect(removedAt[a.url]! - closedAt).toBeGreaterThan(39_000);
    expect(removedAt[a.url]! - closedAt).toBeLessThan(46_000);
    await bench.wait(120_000);
    expect(bench.retained()).toBe(0);
  });

  test("counts as removed at once if no connection was closed while it was on its way", async () => {
    const bench = open();
    await up(bench);
    bench.press(emergency(1));
    await endEverywhere(bench);
    expect([...bench.copies]).toEqual([]);
  });

  test("is removed from the other host behind the broker's name, if the link's own refuses it", async () => {
    const bench = open([{}]);
    const { broker, route, url } = bench.brokers[0]!;
    const refusing = new Broker("another host", FULL_LIMITS, bench.time, () => undefined);
    refusing.faults.refuses = () => 0x97;
    route.addresses.unshift(refusing);
    await up(bench);
    broker.publish(`${ROOT}/emergency/${EPISODE}`, Buffer.from("{}"), { retain: true });
    bench.copies.add(url);
    using _ = bench.time.every(30_000, () => {
      for (const one of bench.copies) bench.link.remove(EPISODE, one);
    });
    await bench.until("the removal", () => bench.retained() === 0, 70_000);
    await bench.wait(1_000);
    expect([...bench.copies]).toEqual([]);
    expect(bench.downs).toEqual([]);
  });

  test("is left on a broker that is not configured any more, and does not count as removed", async () => {
    const bench = open();
    await up(bench);
    bench.copies.add("mqtts://old:8883");
    bench.link.remove(EPISODE, "mqtts://old:8883");
    expect(bench.copies.has("mqtts://old:8883")).toBe(true);
    expect(bench.left).toEqual(["mqtts://old:8883"]);
  });
});
