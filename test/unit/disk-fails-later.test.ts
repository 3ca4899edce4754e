import { expect, test } from "vitest";
import { addRange, complement, type Runs } from "../../src/domain/runs.ts";
import { openWorld } from "./whole-unit.ts";

type DiskFault = NonNullable<ReturnType<typeof openWorld>["disk"]["fault"]>;

type Gap = { readonly from: number; readonly to: number; readonly kept?: readonly number[] };
const isGap = (data: unknown): data is Gap =>
  typeof data === "object" && data !== null && "type" in data && data.type === "gap";

/** An honest recorder of one store: what has arrived or is declared is covered. */
const openRecorder = (world: ReturnType<typeof openWorld>) => {
  const covered: Runs = [];
  let read = 0;
  let said = "";
  const listen = (): void => {
    for (; read < world.heard.length; read++) {
      const { seq, data } = world.heard[read]!.report;
      if (typeof seq !== "number") continue;
      addRange(covered, seq, seq);
      if (!isGap(data)) continue;
      const kept = (data.kept ?? []).map((one): [number, number] => [one, one]);
      for (const [from, to] of complement(kept, data.from, data.to)) addRange(covered, from, to);
    }
  };
  const missing = (): Runs => complement(covered, 1, covered.at(-1)?.[1] ?? 0);
  return {
    missing,
    receipt(): void {
      listen();
      const { store } = world.heard.find(({ report }) => report["store"] !== undefined)?.report ?? {};
      const what = { store, upTo: covered.at(-1)?.[1] ?? 0, missing: missing(), by: "db" };
      if (JSON.stringify(what) === said || what.upTo === 0) return;
      said = JSON.stringify(what);
      const text = JSON.stringify({ ...what, at: new Date(world.time.host()).toISOString() });
      for (const { broker } of world.brokers)
        broker.publish("patrol/v1/zrenjanin/zr-117/receipt", Buffer.from(text), { retain: true });
    },
  };
};

/** From then on that life cannot store its numbers: it goes on with far higher ones, and declares the numbers between. */
test.each<[DiskFault, string]>([
  [{ kind: "vital-refuses", spare: "refuses" }, "dispatch"],
  [{ kind: "vital-refuses", spare: "refuses" }, "auto"],
  [{ kind: "vital-refuses", spare: "refuses" }, "broker"],
  [{ kind: "hangs" }, "auto"],
  [{ kind: "refuses" }, "dispatch"],
  [{ kind: "read-only" }, "auto"],
  [{ kind: "full" }, "auto"],
])(
  "a disk with %o in the middle of a life, then a power cut, twice: no restored card (custody %s)",
  async (fault, custody) => {
    const world = openWorld([{}, {}]);
    const recorder = openRecorder(world);
    const wait = async (ms: number): Promise<void> => {
      for (let waited = 0; waited < ms; waited += 1_000) {
        await world.wait(1_000);
        recorder.receipt();
      }
    };
    const start = () => world.start("", false, "zr-117", `custody: ${custody}`);
    for (let number = 1; number <= 2; number++) {
      const { board, process } = await start();
      await wait(120_000);
      world.disk.fault = fault;
      board.press({ board: "aaaaaaaa", number, loop: 0, count: 1, ageMs: 0 });
      await wait(120_000);
      process.kill();
      world.network.processGone(true);
      world.disk.cut();
      world.disk.fault = undefined;
      await wait(5_000);
    }
    const { page } = await start();
    await wait(1_200_000);
    const stores = new Set(world.heard.flatMap(({ report }) => ("store" in report ? [report["store"]] : [])));
    expect(stores.size).toBe(1);
    expect(recorder.missing()).toEqual([]);
    const { link } = await world.settle(page.status());
    expect(link.custody).not.toHaveProperty("ignored");
    expect(link.custody?.receiptAgeS).toBeLessThan(120);
  },
);
