import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openFiles } from "../../src/bundle/files.ts";
import { Receiver } from "../../src/bundle/receive.ts";
import { beginGoingBack, pass } from "../../src/bundle/trial.ts";
import { rootAt } from "../../src/settings/root.ts";
import { inRoot, noLock } from "./receiver-bench.ts";

const { stranger, at, benchAt, bundleOf } = await inRoot();

describe("a bundle from dispatch", () => {
  test("is installed, and the same one again is nothing", async () => {
    const bench = benchAt();
    const bytes = await bundleOf(1);
    for (let n = 0; n < 3; n++) {
      bench.receiver.offer(bytes);
      await bench.look();
    }
    expect(await bench.current()).toBe(1);
    expect(bench.car.lines).toEqual([
      "installed | done: version 1 for zrenjanin/zr-117, signed by hq, is installed, on trial for 300 s",
    ]);
    expect((await bench.store.state()).results).toEqual([]);
  });

  test("that is refused is reported once, also if it comes again after a restart", async () => {
    const bytes = await bundleOf(1, {}, stranger.key);
    for (let life = 0; life < 2; life++) {
      const bench = benchAt();
      bench.receiver.offer(bytes);
      await bench.look();
    }
    const { results } = await benchAt().store.state();
    expect(results).toEqual([
      {
        ok: false,
        error: expect.stringMatching(/^it is signed by the key \S+, which this unit does not trust$/),
      },
    ]);
  });

  test("that is refused with a right signature names its version and signer", async () => {
    const bench = benchAt();
    bench.receiver.offer(await bundleOf(2));
    await bench.look();
    bench.receiver.offer(await bundleOf(1));
    await bench.look();
    expect((await bench.store.state()).results).toEqual([
      { version: 1, signer: "hq", ok: false, error: "version 1 is not above version 2, which is in force" },
    ]);
  });

  test("waits until the emergency is over", async () => {
    const bench = benchAt();
    bench.car.emergency = true;
    bench.receiver.offer(await bundleOf(1));
    await bench.look(30);
    expect(await bench.current()).toBeUndefined();
    bench.car.emergency = false;
    await bench.look(10);
    expect(await bench.current()).toBe(1);
    expect((await bench.store.state()).results).toEqual([]);
  });

  test("with a date waits until the time is known, and then until it is valid", async () => {
    const bench = benchAt();
    bench.receiver.offer(await bundleOf(1, { notBefore: "2026-12-01T00:00:00.000Z" }));
    await bench.look(30);
    bench.car.now = Date.UTC(2026, 10, 30);
    await bench.look(30);
    expect(await bench.current()).toBeUndefined();
    bench.car.now = Date.UTC(2026, 11, 1);
    await bench.look(10);
    expect(await bench.current()).toBe(1);
  });

  test("that waits is replaced by a newer one, and withdrawn by an empty message", async () => {
    const bench = benchAt();
    bench.car.emergency = true;
    bench.receiver.offer(await bundleOf(1));
    await bench.look();
    bench.receiver.offer(await bundleOf(2));
    bench.car.emergency = false;
    await bench.look();
    expect(await bench.current()).toBe(2);
    bench.car.emergency = true;
    bench.receiver.offer(await bundleOf(3));
    await bench.look();
    bench.receiver.offer(Buffer.alloc(0));
    bench.car.emergency = false;
    await bench.look(20);
    expect(await bench.current()).toBe(2);
  });

  test("that failed its trial does not return by itself, but does from a stick", async () => {
    const bench = benchAt();
    bench.receiver.offer(await bundleOf(1));
    await bench.look();
    await bench.store.writeState(pass(await bench.store.disk(), await bench.store.state()));
    const bytes = await bundleOf(2);
    bench.receiver.offer(bytes);
    await bench.look();
    const back = beginGoingBack(await bench.store.disk(), await bench.store.state(), "not reached");
    if (back?.going) await bench.store.goBack(back.going.to, back);
    bench.receiver.offer(bytes);
    await bench.look(20);
    expect(await bench.current()).toBe(1);
    writeFileSync(at("inbox/a.patrol"), bytes);
    await bench.look();
    expect(await bench.current()).toBe(2);
  });
});

describe("a bundle in the inbox", () => {
  const put = (name: string, bytes: Buffer) => writeFileSync(at("inbox", name), bytes);
  const resultOf = (name: string) => readFileSync(at("inbox", `${name}.result`), "utf8");

  test("is installed, removed, and its result lies beside it", async () => {
    const bench = benchAt();
    put("fleet.patrol", await bundleOf(1));
    await bench.look();
    expect(await bench.current()).toBe(1);
    expect(resultOf("fleet.patrol")).toBe(
      "done: version 1 for zrenjanin/zr-117, signed by hq, is installed, on trial for 300 s\n",
    );
    expect(readdirSync(at("inbox"))).toEqual(["fleet.patrol.result"]);
  });

  test("that is refused says why, each for itself, and the configuration stays", async () => {
    const bench = benchAt();
    put("1.patrol", await bundleOf(5));
    put("2.patrol", await bundleOf(6, { for: "zrenjanin/zr-118" }));
    put("3.patrol", Buffer.from("hello"));
    await bench.look();
    expect(await bench.current()).toBe(5);
    expect(resultOf("2.patrol")).toBe(
      "refused: it is for zrenjanin/zr-118, and this unit is zrenjanin/zr-117\n",
    );
    expect(resultOf("3.patrol")).toBe("refused: it is not a bundle, or it is damaged or cut\n");
  });

  test("that was taken back has the result `refused`, and why; that of another version stays", async () => {
    const bench = benchAt();
    put("1.patrol", await bundleOf(1));
    await bench.look();
    await bench.store.writeState(pass(await bench.store.disk(), await bench.store.state()));
    put("2.patrol", await bundleOf(2));
    await bench.look();
    const first = resultOf("1.patrol");
    const back = beginGoingBack(
      await bench.store.disk(),
      await bench.store.state(),
      "dispatch was not reached",
    );
    if (back?.going) await bench.store.goBack(back.going.to, back);
    expect(resultOf("2.patrol")).toBe(
      "refused: version 2 for zrenjanin/zr-117, signed by hq, was taken back: dispatch was not reached\n",
    );
    expect(resultOf("1.patrol")).toBe(first);
  });

  test("that has passed its trial is in force", async () => {
    const bench = benchAt();
    put("1.patrol", await bundleOf(1));
    await bench.look();
    await bench.store.endResults(1, { kind: "passed" });
    expect(resultOf("1.patrol")).toBe(
      "done: version 1 for zrenjanin/zr-117, signed by hq, is in force: dispatch was reached with it\n",
    );
  });

  test("that waits stays, and is taken later", async () => {
    const bench = benchAt();
    bench.car.emergency = true;
    put("a.patrol", await bundleOf(1));
    await bench.look();
    expect(resultOf("a.patrol")).toBe("waiting: an emergency is open: try again when it is over\n");
    bench.car.emergency = false;
    await bench.look(10);
    expect(await bench.current()).toBe(1);
    expect(resultOf("a.patrol")).toMatch(/^done/);
  });

  test("that is huge is refused without being read", async () => {
    const bench = benchAt();
    put("huge.patrol", Buffer.alloc(0));
    truncateSync(at("inbox/huge.patrol"), 64 * 1024 ** 3);
    await bench.look();
    expect(resultOf("huge.patrol")).toBe("refused: it has 68719476736 bytes, more than 524288\n");
    expect((await bench.store.state()).results).toMatchObject([
      { ok: false, error: expect.stringContaining("more than 524288") },
    ]);
  });

  test("is only looked at if it is a regular file with the right name", async () => {
    const bench = benchAt();
    writeFileSync(at("outside.patrol"), await bundleOf(1));
    symlinkSync("../outside.patrol", at("inbox/link.patrol"));
    mkdirSync(at("inbox/folder.patrol"));
    put("notes.txt", Buffer.from("hello"));
    await bench.look();
    expect(await bench.current()).toBeUndefined();
    expect(readdirSync(at("inbox")).toSorted()).toEqual(["folder.patrol", "link.patrol", "notes.txt"]);
  });
});

test("a pipe in the inbox is left alone", async () => {
  const bench = benchAt();
  execFileSync("mkfifo", [at("inbox/pipe.patrol")]);
  writeFileSync(at("inbox/real.patrol"), await bundleOf(1));
  await bench.look();
  expect(await bench.current()).toBe(1);
});

test("while another process works on the root, a bundle waits", async () => {
  const bench = benchAt();
  let locked = true;
  const root = rootAt(at());
  const files = openFiles(at());
  const receiver = new Receiver({
    root,
    files,
    store: bench.store,
    unit: "zrenjanin/zr-117",
    trialS: 300,
    mono: () => 0,
    lock: () => Promise.resolve(locked ? undefined : noLock),
    install: () => Promise.resolve({ kind: "ignore" }),
    result: () => undefined,
  });
  writeFileSync(at("inbox/a.patrol"), await bundleOf(1));
  await receiver.look();
  expect(readdirSync(at("inbox"))).toEqual(["a.patrol"]);
  locked = false;
  await receiver.look();
  expect(readdirSync(at("inbox"))).toEqual(["a.patrol.result"]);
});
