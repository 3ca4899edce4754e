import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openFiles } from "../../src/bundle/files.ts";
import type { Content } from "../../src/bundle/format.ts";
import { Receiver } from "../../src/bundle/receive.ts";
import { beginGoingBack, pass } from "../../src/bundle/trial.ts";
import { rootAt } from "../../src/settings/root.ts";
import { noLock, openBench } from "./receiver-bench.ts";
import { CONFIG, keyPair, sealed } from "./signed.ts";

const hq = await keyPair("hq");
const stranger = await keyPair("stranger");

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "receive-"));
  for (const folder of ["trust", "inbox"]) mkdirSync(join(dir, folder));
  writeFileSync(join(dir, "trust/hq.pem"), hq.publicPem);
});
afterEach(() => rmSync(dir, { recursive: true }));

const benchAt = () => openBench(dir);
const bundleOf = (version: number, parts: Partial<Content> = {}, key = hq.key) =>
  sealed(key, {
    version,
    files: [{ name: "patrol-unit.yaml", text: `${CONFIG}report: { movingS: ${version} }\n` }],
    ...parts,
  });

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
    writeFileSync(join(dir, "inbox/a.patrol"), bytes);
    await bench.look();
    expect(await bench.current()).toBe(2);
  });
});

describe("a bundle in the inbox", () => {
  const put = (name: string, bytes: Buffer) => writeFileSync(join(dir, "inbox", name), bytes);
  const resultOf = (name: string) => readFileSync(join(dir, "inbox", `${name}.result`), "utf8");

  test("is installed, removed, and its result lies beside it", async () => {
    const bench = benchAt();
    put("fleet.patrol", await bundleOf(1));
    await bench.look();
    expect(await bench.current()).toBe(1);
    expect(resultOf("fleet.patrol")).toBe(
      "done: version 1 for zrenjanin/zr-117, signed by hq, is installed, on trial for 300 s\n",
    );
    expect(readdirSync(join(dir, "inbox"))).toEqual(["fleet.patrol.result"]);
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
    truncateSync(join(dir, "inbox/huge.patrol"), 64 * 1024 ** 3);
    await bench.look();
    expect(resultOf("huge.patrol")).toBe("refused: it has 68719476736 bytes, more than 524288\n");
  });

  test("is only looked at if it is a regular file with the right name", async () => {
    const bench = benchAt();
    writeFileSync(join(dir, "outside.patrol"), await bundleOf(1));
    symlinkSync("../outside.patrol", join(dir, "inbox/link.patrol"));
    mkdirSync(join(dir, "inbox/folder.patrol"));
    put("notes.txt", Buffer.from("hello"));
    await bench.look();
    expect(await bench.current()).toBeUndefined();
    expect(readdirSync(join(dir, "inbox")).toSorted()).toEqual(["folder.patrol", "link.patrol", "notes.txt"]);
  });
});

describe("the bundles of a stick", () => {
  const plug = async (...bundles: readonly (readonly [name: string, bytes: Buffer | Promise<Buffer>])[]) => {
    mkdirSync(join(dir, "inbox/stick"));
    for (const [name, bytes] of bundles) writeFileSync(join(dir, "inbox/stick", name), await bytes);
  };
  const textOf = () => readFileSync(join(dir, "inbox/RESULT-zr-117.txt"), "utf8").split("\r\n");
  const passed = async ({ store }: ReturnType<typeof benchAt>) =>
    store.writeState(pass(await store.disk(), await store.state()));

  test("are installed, removed, and the result says in words what to do", async () => {
    const bench = benchAt();
    await plug(["a.patrol", bundleOf(1)]);
    await bench.look();
    await passed(bench);
    await plug(["fleet.patrol", bundleOf(2)]);
    await bench.look();
    expect(await bench.current()).toBe(2);
    expect(textOf()).toEqual([
      "DONE: zrenjanin/zr-117",
      "fleet.patrol: version 2 for zrenjanin/zr-117, signed by hq, is installed, on trial for 300 s",
      "In force: version 2 (before: version 1)",
      "What to do: leave the ignition on until dispatch sees the car. If it does not, version 1 returns by itself.",
      "",
    ]);
    expect(readdirSync(join(dir, "inbox"))).toEqual(["RESULT-zr-117.txt"]);
  });

  test("of forty cars: this car takes its own newest one, and dispatch hears of no other", async () => {
    const bench = benchAt();
    const others = Array.from(
      { length: 40 },
      (_, n) => [`zr-${n}.patrol`, bundleOf(9, { for: `zrenjanin/zr-${n}` })] as const,
    );
    await plug(
      ...others,
      ["old.patrol", bundleOf(3)],
      ["new.patrol", bundleOf(4)],
      ["bad.patrol", Buffer.from("x")],
    );
    await bench.look();
    expect(await bench.current()).toBe(4);
    expect(bench.car.lines).toHaveLength(1);
    expect((await bench.store.state()).results).toEqual([]);
    const text = textOf();
    expect(text[1]).toMatch(/^new.patrol: version 4 /);
    expect(text.slice(4, 6)).toEqual([
      "Not used: bad.patrol: it is not a bundle, or it is damaged or cut",
      "Not used: old.patrol: version 3 is not the newest on the stick",
    ]);
    expect(text.at(-2)).toBe("Not used: 34 more");
  });

  test("for this car alone are preferred to those for all, at the same version", async () => {
    const bench = benchAt();
    await plug(
      ["a.patrol", bundleOf(5, { for: "*" })],
      ["b.patrol", bundleOf(5)],
      ["c.patrol", bundleOf(5, { for: "zrenjanin/*" })],
    );
    await bench.look();
    expect(textOf()[1]).toMatch(/^b.patrol: version 5 /);
  });

  test("of which none is for this car change nothing, and dispatch hears it once", async () => {
    const bench = benchAt();
    await plug(
      ["a.patrol", bundleOf(1, { for: "zrenjanin/zr-1" })],
      ["b.patrol", bundleOf(1, { for: "pancevo/*" })],
    );
    await bench.look();
    expect(await bench.current()).toBeUndefined();
    expect(textOf()).toEqual([
      "REFUSED: zrenjanin/zr-117",
      "none of the 2 bundles on the stick is for zrenjanin/zr-117",
      "In force: none (before: none)",
      "What to do: ask headquarters for the right bundle. The car works as before.",
      "Not used: a.patrol: it is for zrenjanin/zr-1",
      "Not used: b.patrol: it is for pancevo/*",
      "",
    ]);
    expect((await bench.store.state()).results).toMatchObject([
      { ok: false, error: expect.stringMatching(/^none of the 2/) },
    ]);
  });

  test("that are none at all are refused, too", async () => {
    const bench = benchAt();
    await plug();
    await bench.look();
    expect(textOf()[1]).toBe("there is no bundle (*.patrol) on the stick");
    expect(readdirSync(join(dir, "inbox"))).toEqual(["RESULT-zr-117.txt"]);
  });

  test("that are wrong say what is wrong and what to do", async () => {
    const bench = benchAt();
    for (const [bytes, what, todo] of [
      [Buffer.from("x"), /damaged or cut$/, /copy the bundle onto the stick again/],
      [Buffer.alloc(600_000), /more than 524288$/, /copy the bundle/],
      [await bundleOf(1, {}, stranger.key), /does not trust$/, /ask headquarters/],
      [
        await bundleOf(1, { files: [{ name: "patrol-unit.yaml", text: "unit: 3\n" }] }),
        /expected/,
        /give this file to headquarters/,
      ],
    ] as const) {
      await plug(["a.patrol", bytes]);
      await bench.look();
      expect(textOf()[1]).toMatch(what);
      expect(textOf()[3]).toMatch(todo);
    }
  });

  test("that are plugged in again are done, not refused, and no event", async () => {
    const bench = benchAt();
    const bytes = await bundleOf(1);
    for (let n = 0; n < 2; n++) {
      await plug(["a.patrol", bytes]);
      await bench.look();
    }
    expect(textOf().slice(0, 2)).toEqual(["DONE: zrenjanin/zr-117", "a.patrol: it is in force already"]);
    expect(bench.car.lines.at(-1)).toBe("ignore | done: it is in force already");
    expect((await bench.store.state()).results).toEqual([]);
  });

  test("wait for the end of an emergency, say so, and are taken then", async () => {
    const bench = benchAt();
    bench.car.emergency = true;
    await plug(["a.patrol", bundleOf(1)]);
    await bench.look(5);
    expect(textOf()).toEqual([
      "WAITING: zrenjanin/zr-117",
      "a.patrol: an emergency is open",
      "In force: none (before: none)",
      "What to do: nothing: the car takes it by itself as soon as it can.",
      "",
    ]);
    expect(bench.car.lines).toEqual([]);
    bench.car.emergency = false;
    await bench.look(10);
    expect(textOf()[0]).toBe("DONE: zrenjanin/zr-117");
  });

  test("have the end of their trial in the result: passed, or taken back with the version in force again", async () => {
    const bench = benchAt();
    await plug(["a.patrol", bundleOf(1)]);
    await bench.look();
    await bench.store.endResults(1, { kind: "passed" });
    await passed(bench);
    expect(textOf()).toEqual([
      "DONE: zrenjanin/zr-117",
      "a.patrol: version 1 for zrenjanin/zr-117, signed by hq, is in force: dispatch was reached with it",
      "In force: version 1 (before: none)",
      "What to do: nothing.",
      "",
    ]);
    await plug(["b.patrol", bundleOf(2)], ["c.patrol", bundleOf(1)]);
    await bench.look();
    const back = beginGoingBack(
      await bench.store.disk(),
      await bench.store.state(),
      "dispatch was not reached",
    );
    if (back?.going) await bench.store.goBack(back.going.to, back);
    expect(textOf()).toEqual([
      "REFUSED: zrenjanin/zr-117",
      "b.patrol: version 2 for zrenjanin/zr-117, signed by hq, was taken back: dispatch was not reached",
      "In force: version 1 (before: version 2)",
      "What to do: give this file to headquarters. The car works as before.",
      "Not used: c.patrol: version 1 is not the newest on the stick",
      "",
    ]);
  });

  test("are not followed if they are links, and a name with a line end writes no line", async () => {
    const bench = benchAt();
    writeFileSync(join(dir, "outside"), await bundleOf(1));
    await plug(["x: y\r\nDONE.patrol", Buffer.from("x")], ["z.patrol", Buffer.from("y")]);
    symlinkSync("../../outside", join(dir, "inbox/stick/link.patrol"));
    mkdirSync(join(dir, "inbox/stick/folder.patrol/inner"), { recursive: true });
    await bench.look();
    expect(await bench.current()).toBeUndefined();
    expect(textOf()[4]).toBe("Not used: x? y??DONE.patrol: it is not a bundle, or it is damaged or cut");
    expect(readdirSync(join(dir, "inbox"))).toEqual(["RESULT-zr-117.txt"]);
  });

  test("are no folder but a link to one: nothing is looked at", async () => {
    const bench = benchAt();
    mkdirSync(join(dir, "elsewhere"));
    writeFileSync(join(dir, "elsewhere/a.patrol"), await bundleOf(1));
    symlinkSync("../elsewhere", join(dir, "inbox/stick"));
    await bench.look();
    expect(await bench.current()).toBeUndefined();
  });
});

test("a pipe in the inbox is left alone", async () => {
  const bench = benchAt();
  execFileSync("mkfifo", [join(dir, "inbox/pipe.patrol")]);
  writeFileSync(join(dir, "inbox/real.patrol"), await bundleOf(1));
  await bench.look();
  expect(await bench.current()).toBe(1);
});

test("while another process works on the root, a bundle waits", async () => {
  const bench = benchAt();
  let locked = true;
  const root = rootAt(dir);
  const files = openFiles(dir);
  const receiver = new Receiver({
    root,
    files,
    store: bench.store,
    unit: "zrenjanin/zr-117",
    mono: () => 0,
    lock: () => Promise.resolve(locked ? undefined : noLock),
    install: () => Promise.resolve({ kind: "ignore" }),
    result: () => undefined,
  });
  writeFileSync(join(dir, "inbox/a.patrol"), await bundleOf(1));
  await receiver.look();
  expect(readdirSync(join(dir, "inbox"))).toEqual(["a.patrol"]);
  locked = false;
  await receiver.look();
  expect(readdirSync(join(dir, "inbox"))).toEqual(["a.patrol.result"]);
});
