import { describe, expect, test } from "vitest";
import {
  PLACE_BYTES,
  PLACES,
  StoreError,
  type Disk,
  type Operation,
  type Store,
} from "../../src/outbox/port.ts";

/** A disk under test. `again`: the same disk after its user has stopped. */
export type DiskUnderTest = AsyncDisposable & { readonly disk: Disk; again(): Disk };

const key = (text: string): Buffer => Buffer.from(text);
const put = (name: string, value: string): Operation => ({ type: "put", key: key(name), value: key(value) });
const del = (name: string): Operation => ({ type: "del", key: key(name) });
const texts = (page: readonly (readonly [Buffer, Buffer])[]): string[] =>
  page.map(([name, value]) => `${name.toString()}=${value.toString()}`);

/** What every implementation of the port must do (src/outbox/port.ts). */
export const diskContract = (name: string, open: () => Promise<DiskUnderTest>): void => {
  const withStore = async (work: (store: Store, disk: Disk) => Promise<void>): Promise<void> => {
    await using under = await open();
    const store = await under.disk.openStore("as-is");
    await work(store, under.disk);
    await store.close();
  };

  describe(`${name} as a disk`, () => {
    test("keeps every other user out until it is released", async () => {
      await using under = await open();
      {
        using _lock = await under.disk.lock();
        await expect(under.again().lock()).rejects.toBeInstanceOf(StoreError);
      }
      await expect
        .poll(() =>
          under
            .again()
            .lock()
            .then(
              (lock) => (lock[Symbol.dispose](), true),
              () => false,
            ),
        )
        .toBe(true);
    });

    test("has no vital file and no store at first", async () => {
      await using under = await open();
      expect(await under.disk.readVital()).toEqual(Array.from({ length: 2 * PLACES }, () => undefined));
      expect(await under.disk.hasStore()).toBe(false);
    });

    test("keeps what is written to one place of the vital file, and leaves the other as it was", async () => {
      await using under = await open();
      await under.disk.writeVital(1, key("one"));
      await under.disk.writeVital(0, key("zero"));
      await under.disk.writeVital(1, key("ONE"));
      const places = (await under.again().readVital()).slice(0, PLACES);
      expect(places.map((bytes) => bytes?.subarray(0, 4).toString())).toEqual(["zero", "ONE\0"]);
      expect(places.map((bytes) => bytes?.length)).toEqual([PLACE_BYTES, PLACE_BYTES]);
    });

    test("keeps what is written to a place of the spare apart from the vital file", async () => {
      await using under = await open();
      await under.disk.writeVital(0, key("vital"));
      await under.disk.writeSpare(0, key("spare"));
      await under.disk.writeSpare(1, key("SPARE"));
      const places = await under.again().readVital();
      expect(places.map((bytes) => bytes?.subarray(0, 5).toString())).toEqual([
        "vital",
        "\0\0\0\0\0",
        "spare",
        "SPARE",
      ]);
      await expect(under.disk.writeSpare(0, Buffer.alloc(PLACE_BYTES + 1))).rejects.toBeInstanceOf(
        RangeError,
      );
    });

    test("removes the spare, and leaves the vital file as it was", async () => {
      await using under = await open();
      await under.disk.removeSpare();
      await under.disk.writeVital(0, key("vital"));
      await under.disk.writeSpare(0, key("spare"));
      await under.disk.removeSpare();
      const places = await under.again().readVital();
      expect(places[0]?.subarray(0, 5).toString()).toBe("vital");
      expect(places.slice(PLACES)).toEqual([undefined, undefined]);
    });

    test("refuses more than a place holds, and leaves it as it was", async () => {
      await using under = await open();
      await under.disk.writeVital(0, key("zero"));
      await expect(under.disk.writeVital(0, Buffer.alloc(PLACE_BYTES + 1))).rejects.toBeInstanceOf(
        RangeError,
      );
      expect((await under.disk.readVital())[0]?.subarray(0, 4).toString()).toBe("zero");
    });

    test("applies a batch in its order, the later operation on a key last", () =>
      withStore(async (store) => {
        await store.batch([put("a", "1"), put("b", "1"), del("a"), put("b", "2")], { sync: true });
        expect(await store.getMany([key("a"), key("b")])).toEqual([undefined, key("2")]);
      }));

    test("reads records in the order of their bytes, from and to included, up to the limit", () =>
      withStore(async (store) => {
        const names = ["t\u0001", "e9", "t\u0000", "v5", "t\u0002"];
        await store.batch(
          names.map((one) => put(one, "x")),
          { sync: false },
        );
        const page = await store.page(key("t\u0000"), key("t\u0002"), 10);
        expect(page.map(([one]) => one.toString())).toEqual(["t\u0000", "t\u0001", "t\u0002"]);
        expect(texts(await store.page(key("a"), key("z"), 2))).toEqual(["e9=x", "t\u0000=x"]);
      }));

    test("lists every key once, in pages", () =>
      withStore(async (store) => {
        const names = Array.from({ length: 12_000 }, (_, n) => `t${String(n).padStart(6, "0")}`);
        await store.batch(
          names.map((one) => put(one, "x")),
          { sync: false },
        );
        const found: string[] = [];
        let pages = 0;
        for await (const page of store.keys(key("t"), key("u"))) {
          pages++;
          found.push(...page.map((one) => one.toString()));
        }
        expect(found).toEqual(names);
        expect(pages).toBeGreaterThan(1);
      }));

    test("reads pages of large records whole", () =>
      withStore(async (store) => {
        const value = "x".repeat(4_000);
        const names = Array.from({ length: 600 }, (_, n) => `t${String(n).padStart(6, "0")}`);
        await store.batch(
          names.map((one) => put(one, value)),
          { sync: false },
        );
        expect(await store.page(key("t"), key("u"), 600)).toHaveLength(600);
      }));

    test("keeps what was stored when it is opened again, and is in use while it is open", async () => {
      await using under = await open();
      const store = await under.disk.openStore("as-is");
      await store.batch([put("a", "1")], { sync: true });
      await expect(under.again().openStore("as-is")).rejects.toBeInstanceOf(StoreError);
      await store.close();
      const again = await under.again().openStore("as-is");
      expect(await again.getMany([key("a")])).toEqual([key("1")]);
      await again.close();
      expect(await under.disk.hasStore()).toBe(true);
    });

    test("begins anew once a store has been set aside, and keeps the spare", async () => {
      await using under = await open();
      const store = await under.disk.openStore("as-is");
      await store.batch([put("a", "1")], { sync: true });
      await store.close();
      await under.disk.writeSpare(0, key("spare"));
      expect(await under.disk.setAside()).toContain(under.disk.path);
      expect(await under.disk.hasStore()).toBe(false);
      const fresh = await under.disk.openStore("anew");
      expect(await fresh.getMany([key("a")])).toEqual([undefined]);
      await fresh.close();
      expect((await under.disk.readVital())[PLACES]?.subarray(0, 5).toString()).toBe("spare");
    });

    test("keeps a sound store through a repair", async () => {
      await using under = await open();
      const store = await under.disk.openStore("as-is");
      await store.batch([put("a", "1"), put("b", "2")], { sync: true });
      await store.close();
      const repaired = await under.disk.openStore("repair");
      expect(texts(await repaired.page(key("a"), key("z"), 10))).toEqual(["a=1", "b=2"]);
      await repaired.close();
    });

    test("rejects what is asked of a closed store", async () => {
      await using under = await open();
      const store = await under.disk.openStore("as-is");
      await store.close();
      await expect(store.batch([put("a", "1")], { sync: true })).rejects.toMatchObject({ code: "DISK" });
      await expect(store.page(key("a"), key("z"), 1)).rejects.toMatchObject({ code: "DISK" });
    });

    test("says how much room there is, and how much it needs", () =>
      withStore(async (store, disk) => {
        await store.batch([put("a", "x".repeat(100_000))], { sync: true });
        expect(await store.size()).toBeGreaterThan(50_000);
        expect(disk.space().used).toBeGreaterThan(50_000);
        expect(disk.space().free).toBeGreaterThan(0);
        await store.compact(key("a"), key("b"));
        expect(await store.getMany([key("a")])).toEqual([Buffer.from("x".repeat(100_000))]);
      }));

    test("gives up its reserve once, and takes it again", async () => {
      await using under = await open();
      const store = await under.disk.openStore("as-is");
      await store.close();
      expect(under.disk.releaseBallast()).toBe(false);
      under.disk.restoreBallast();
      expect([under.disk.releaseBallast(), under.disk.releaseBallast()]).toEqual([true, false]);
    });
  });
};
