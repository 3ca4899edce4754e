import { expect, test } from "vitest";
import { open, up } from "./link-bench.ts";
import { emergency } from "./reports.ts";

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
