import { expect, test } from "vitest";
import { Broker, FULL_LIMITS } from "../simulation/broker.ts";
import { arrived, open, up } from "./link-bench.ts";
import { emergency, position } from "./reports.ts";

// The link's broker accepts no further message, and the first host of the other broker acknowledges nothing. The link trusted
// that host for another 5 s, and the press took 11 s (seed 627101688).
test.each([1_000, 2_500])(
  "a press that has waited for 5 s at one broker does not wait for as long at the next, if its name has another host: %i ms before it",
  async (leadMs) => {
    const bench = open([{ receiveMaximum: 1 }, { receiveMaximum: 1 }]);
    await up(bench);
    const [own, other] = bench.brokers;
    const useless = new Broker("useless", FULL_LIMITS, bench.time, () => undefined);
    useless.faults.slowMs = 86_400_000;
    other!.route.addresses.unshift(useless);
    bench.network.change(own!.route, { stalled: true });
    bench.link.offer(position(100));
    await bench.wait(leadMs);
    bench.press(emergency(1));
    expect(await bench.until("the press", arrived(bench, 1), 10_000)).toBeLessThan(9_000);
  },
);

// Of a broker that accepts one client id only: the simulator found a press that waited for 7 s (seed 971689185).
test.each([500, 1_000, 2_000])(
  "a courier with the client id of the link, which is connecting when the link is connected, closes no connection at %i B/s",
  async (bytesPerS) => {
    const bench = open([{ refusesCouriers: "unauthorised" }], [true]);
    const { route } = bench.brokers[0]!;
    await up(bench);
    bench.network.change(route, { bytesPerS, latencyMs: 500 });
    bench.press(emergency(1));
    await bench.wait(10_000);
    bench.network.reset(route);
    await bench.wait(500);
    bench.press(emergency(2));
    await bench.wait(60_000);
    expect(bench.heard.map(({ report }) => report.seq)).toContain(2);
    expect(bench.downs.map(({ message }) => message)).not.toContainEqual(expect.stringContaining("142"));
  },
);
