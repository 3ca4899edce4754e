import { expect, test } from "vitest";
import { HandshakeError, openFirst } from "../../src/dispatch/opening.ts";
import { LinkError } from "../../src/dispatch/port.ts";
import { SimulatedTime } from "../simulation/time.ts";

type Fate = {
  /** After which TCP is open, and the whole socket, in ms. */
  readonly reached?: number;
  readonly opens?: number;
  readonly fails?: { readonly after: number; readonly code: string };
};

/** Opens addresses whose sockets have these fates, in the order in which they are made. */
const openBench = (fates: Readonly<Record<string, readonly Fate[]>>) => {
  const time = new SimulatedTime(0);
  const made: string[] = [];
  const closed: string[] = [];
  const failed: string[] = [];
  const counts = new Map<string, number>();
  const giveUp = new AbortController();
  const opened = openFirst({
    broker: "mqtts://a:8883",
    addresses: Object.keys(fates),
    time,
    signal: giveUp.signal,
    failed: (address) => failed.push(address),
    open(address, reached, signal) {
      const n = counts.get(address) ?? 0;
      counts.set(address, n + 1);
      const name = `${address}${n}`;
      made.push(`${name} at ${time.mono()}`);
      const fate = fates[address]![n] ?? {};
      const { promise, resolve, reject } = Promise.withResolvers<{ name: string; destroy(): void }>();
      let isReached = false;
      if (fate.reached !== undefined)
        time.after(fate.reached, () => {
          isReached = true;
          reached();
        });
      const destroy = () => void closed.push(`${name} at ${time.mono()}`);
      const { opens, fails } = fate;
      const abort = () => {
        destroy();
        reject(isReached ? new HandshakeError("closed") : new Error("closed"));
      };
      signal.addEventListener("abort", abort);
      if (opens !== undefined) time.after(opens, () => resolve({ name, destroy }));
      if (fails) time.after(fails.after, () => reject(Object.assign(new Error("no"), { code: fails.code })));
      return promise.finally(() => signal.removeEventListener("abort", abort));
    },
  });
  let outcome: string | undefined;
  opened.then(
    ({ socket, tookMs }) => (outcome = `${socket.name} took ${tookMs}`),
    (error: unknown) => (outcome = error instanceof LinkError ? `${error.code}: ${error.message}` : "other"),
  );
  const until = async (ms: number) => {
    await time.run(ms);
    return outcome;
  };
  return { made, closed, failed, until, giveUp };
};

test("a handshake that is slow goes on beside the fresh socket that is tried after 5 s", async () => {
  const bench = openBench({ a: [{ reached: 100, opens: 7_000 }, { reached: 100 }] });
  expect(await bench.until(8_000)).toBe("a0 took 7000");
  expect(bench.made).toEqual(["a0 at 0", "a1 at 5000"]);
  expect(bench.closed.map((one) => one.split(" ")[0])).toContain("a1");
  expect(bench.failed).toEqual([]);
});

test("where what was sent is lost for good, a later socket opens", async () => {
  const bench = openBench({ a: [{ reached: 100 }, { reached: 100 }, { reached: 100, opens: 300 }] });
  expect(await bench.until(10_400)).toBe("a2 took 300");
  expect(bench.made).toEqual(["a0 at 0", "a1 at 5000", "a2 at 10000"]);
});

test("a socket without TCP after 5 s is given up: its SYN is repeated ever more rarely", async () => {
  const bench = openBench({ a: [{}, {}, { reached: 100, opens: 300 }] });
  expect(await bench.until(4_999)).toBeUndefined();
  expect(bench.closed).toEqual([]);
  expect(await bench.until(10_400)).toBe("a2 took 300");
  expect(bench.closed).toEqual(["a0 at 5000", "a1 at 10000"]);
  expect(bench.failed).toEqual(["a", "a"]);
});

test("an address that refuses is not asked again", async () => {
  const bench = openBench({ a: [{ fails: { after: 100, code: "ECONNREFUSED" } }] });
  expect(await bench.until(100)).toMatch(/^refused: /);
  expect(await bench.until(20_000)).toMatch(/^refused: /);
  expect(bench.made).toEqual(["a0 at 0"]);
});

test("what fails at once while another socket has TCP open is tried again: coverage or the host may be back", async () => {
  const gap = openBench({
    a: [{ reached: 100 }, { fails: { after: 10, code: "ENETUNREACH" } }, { reached: 100, opens: 300 }],
  });
  expect(await gap.until(10_400)).toBe("a2 took 300");
  expect(gap.made).toEqual(["a0 at 0", "a1 at 5000", "a2 at 10000"]);
  const twoHosts = openBench({
    hung: [{ reached: 100 }, { reached: 100 }],
    restarting: [{ fails: { after: 10, code: "ECONNREFUSED" } }, { reached: 100, opens: 300 }],
  });
  expect(await twoHosts.until(6_400)).toBe("restarting1 took 300");
});

test("a host that is slow and silent does not hold back another one that was restarting", async () => {
  const bench = openBench({
    hung: [{ reached: 3_100 }, { reached: 3_100 }],
    restarting: [{ fails: { after: 10, code: "ECONNREFUSED" } }, { reached: 100, opens: 300 }],
  });
  expect(await bench.until(6_400)).toBe("restarting1 took 300");
});

test("when the last socket that was on its way fails, the attempt is over", async () => {
  const bench = openBench({
    a: [
      { reached: 100, fails: { after: 7_000, code: "ECONNRESET" } },
      { fails: { after: 10, code: "ENETUNREACH" } },
    ],
  });
  expect(await bench.until(6_999)).toBeUndefined();
  expect(await bench.until(7_001)).toMatch(/^(lost|unreachable): /);
});

test("the next address is tried after half a second, or at once when the one before has failed", async () => {
  const slow = openBench({ a: [{ reached: 100, opens: 2_000 }], b: [{ reached: 100, opens: 300 }] });
  expect(await slow.until(3_000)).toBe("b0 took 300");
  expect(slow.made).toEqual(["a0 at 0", "b0 at 500"]);
  expect(slow.failed).toEqual([]);
  const refused = openBench({
    a: [{ fails: { after: 50, code: "ECONNREFUSED" } }],
    b: [{ reached: 100, opens: 300 }],
  });
  expect(await refused.until(1_000)).toBe("b0 took 300");
  expect(refused.made).toEqual(["a0 at 0", "b0 at 50"]);
});

test("when time is up: whether the host has accepted TCP is said, and every socket is closed", async () => {
  const silent = openBench({ a: [{ reached: 100 }] });
  await silent.until(12_000);
  silent.giveUp.abort();
  expect(await silent.until(12_001)).toMatch(/no TLS answer came/);
  expect(new Set(silent.closed.map((one) => one.split(" ")[0]))).toEqual(new Set(["a0", "a1", "a2"]));
  const absent = openBench({ a: [] });
  await absent.until(12_000);
  absent.giveUp.abort();
  expect(await absent.until(12_001)).toMatch(/the host does not answer/);
  expect(absent.closed).toHaveLength(absent.made.length);
});
