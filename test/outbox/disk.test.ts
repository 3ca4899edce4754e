import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { openDisk } from "../../src/outbox/disk.ts";
import type { Operation } from "../../src/outbox/port.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { diskContract } from "../contracts/disk.ts";
import { createSimulatedDisk } from "../simulation/disk.ts";

diskContract("the folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "disk-"));
  const path = join(folder, "outbox");
  return Promise.resolve({
    disk: openDisk(path),
    again: () => openDisk(path),
    [Symbol.asyncDispose]: () => Promise.resolve(rmSync(folder, { recursive: true, force: true })),
  });
});

const simulated = () => createSimulatedDisk({ time: systemTime, random: createRandom(1) });

diskContract("the simulation", () => {
  const disk = simulated();
  return Promise.resolve({ disk, again: () => disk, [Symbol.asyncDispose]: () => Promise.resolve() });
});

const put = (name: string): Operation => ({ type: "put", key: Buffer.from(name), value: Buffer.from("x") });
const names = async (disk: ReturnType<typeof simulated>): Promise<string[]> => {
  const store = await disk.openStore("as-is");
  const page = await store.page(Buffer.from("a"), Buffer.from("z"), 100);
  await store.close();
  return page.map(([key]) => key.toString());
};

describe("the simulated disk", () => {
  test("loses unsynced batches from the end at a cut, and never a synced one", async () => {
    const survivors = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const disk = createSimulatedDisk({ time: systemTime, random: createRandom(seed) });
      const store = await disk.openStore("as-is");
      await store.batch([put("b")], { sync: false });
      await store.batch([put("c")], { sync: true });
      for (const name of ["d", "e", "f"]) await store.batch([put(name)], { sync: false });
      disk.cut();
      survivors.add((await names(disk)).join(""));
    }
    expect([...survivors].toSorted()).toEqual(["bc", "bcd", "bcde", "bcdef"]);
  });

  test("loses what was synced behind a torn batch when it is opened anew", async () => {
    const disk = simulated();
    const store = await disk.openStore("as-is");
    await store.batch([put("b")], { sync: true });
    disk.tear();
    await expect(store.batch([put("c")], { sync: true })).rejects.toMatchObject({ code: "DISK" });
    await store.batch([put("d")], { sync: true });
    await store.close();
    expect(await names(disk)).toEqual(["b"]);
  });

  test("full, it takes the vital file and nothing else; read-only, nothing", async () => {
    const disk = simulated();
    await disk.writeVital(0, Buffer.from("v"));
    const store = await disk.openStore("as-is");
    disk.fault = { kind: "full" };
    await expect(store.batch([put("b")], { sync: true })).rejects.toThrow(/no space left/);
    await disk.writeVital(1, Buffer.from("v"));
    disk.fault = { kind: "read-only" };
    await expect(disk.writeVital(0, Buffer.from("v"))).rejects.toThrow(/read-only/);
    disk.fault = undefined;
    await disk.writeVital(0, Buffer.from("v"));
  });
});
