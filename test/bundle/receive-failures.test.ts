import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FailingFiles, inRoot } from "./receiver-bench.ts";

const { at, benchAt, bundleOf } = await inRoot();

const put = (name: string, bytes: Buffer) => writeFileSync(at("inbox", name), bytes);
const resultOf = (name: string) => readFileSync(at("inbox", `${name}.result`), "utf8");

const UNREADABLE =
  "refused: a.patrol: it cannot be read: this user may not read it: make it readable for the service (chmod a+r), or copy it again";

describe("a bundle in the inbox that cannot be read", () => {
  const failingAt = async () => {
    const failing = new FailingFiles();
    failing.unreadable.set("/a.patrol", "EACCES");
    put("a.patrol", await bundleOf(1));
    return { failing, bench: benchAt(failing.around) };
  };

  test("is refused once, by its name and with what to do, and stays", async () => {
    const { bench } = await failingAt();
    await bench.look(60);
    expect(bench.car.lines).toEqual([`refuse | ${UNREADABLE}`]);
    expect(resultOf("a.patrol")).toBe(`${UNREADABLE}\n`);
    expect((await bench.store.state()).results).toHaveLength(1);
    expect(readdirSync(at("inbox")).toSorted()).toEqual(["a.patrol", "a.patrol.result"]);
  });

  test("is not refused again after a restart", async () => {
    const { failing, bench } = await failingAt();
    await bench.look();
    const next = benchAt(failing.around);
    await next.look(30);
    expect(next.car.lines).toEqual([]);
  });

  test("keeps neither the bundle behind it nor a stick", async () => {
    const { bench } = await failingAt();
    put("b.patrol", await bundleOf(1));
    mkdirSync(at("inbox/stick"));
    writeFileSync(at("inbox/stick/c.patrol"), await bundleOf(2));
    await bench.look();
    expect(await bench.current()).toBe(2);
    expect(resultOf("b.patrol")).toMatch(/^done: version 1 /);
  });

  test("is taken within 10 s when it has changed", async () => {
    const { failing, bench } = await failingAt();
    await bench.look();
    failing.unreadable.clear();
    utimesSync(at("inbox/a.patrol"), 1, 1);
    await bench.look(10);
    expect(await bench.current()).toBe(1);
    expect(resultOf("a.patrol")).toMatch(/^done: version 1 /);
  });

  test("for want of file descriptors is tried again, and not refused", async () => {
    const { failing, bench } = await failingAt();
    failing.unreadable.set("/a.patrol", "EMFILE");
    expect((await bench.lookWithFailures(20)).length).toBeLessThanOrEqual(2);
    failing.unreadable.clear();
    await bench.look(10);
    expect(await bench.current()).toBe(1);
    expect(bench.car.lines).toHaveLength(1);
  });

  test("does not count as one of the files of a look", async () => {
    const failing = new FailingFiles();
    for (let n = 10; n < 50; n++) {
      put(`a${n}.patrol`, Buffer.from("x"));
      failing.unreadable.set(`/a${n}.patrol`, "EACCES");
    }
    put("z.patrol", await bundleOf(1));
    const bench = benchAt(failing.around);
    await bench.look(2);
    expect(await bench.current()).toBe(1);
  });
});

describe("an inbox that cannot be written", () => {
  test("makes a refusal be reported once, and its result be tried every 10 s", async () => {
    const failing = new FailingFiles();
    failing.unwritable = "/inbox";
    const bench = benchAt(failing.around);
    put("a.patrol", Buffer.from("hello"));
    expect((await bench.lookWithFailures(60)).length).toBeLessThanOrEqual(6);
    expect(bench.car.lines).toEqual(["refuse | refused: it is not a bundle, or it is damaged or cut"]);
    failing.unwritable = undefined;
    await bench.look(10);
    expect(bench.car.lines).toHaveLength(1);
    expect(readdirSync(at("inbox"))).toEqual(["a.patrol.result"]);
  });

  test("lets another bundle of the same name be installed", async () => {
    const failing = new FailingFiles();
    failing.unwritable = "/inbox";
    const bench = benchAt(failing.around);
    put("a.patrol", Buffer.from("hello"));
    await bench.lookWithFailures(5);
    put("a.patrol", await bundleOf(1));
    await bench.lookWithFailures(10);
    expect(await bench.current()).toBe(1);
  });

  test("does not keep a bundle from dispatch", async () => {
    const failing = new FailingFiles();
    failing.unwritable = "/inbox";
    const bench = benchAt(failing.around);
    put("a.patrol", Buffer.from("hello"));
    bench.receiver.offer(await bundleOf(1));
    await bench.lookWithFailures(1);
    expect(await bench.current()).toBe(1);
  });
});

test("a bundle from dispatch that cannot be installed does not keep the inbox, and is tried every 10 s", async () => {
  const bench = benchAt();
  let attempts = 0;
  bench.car.meanwhile = () => {
    attempts++;
    return attempts === 2 ? Promise.resolve() : Promise.reject(new Error("no memory"));
  };
  bench.receiver.offer(await bundleOf(1));
  put("a.patrol", await bundleOf(2));
  expect(await bench.lookWithFailures(9)).toHaveLength(1);
  expect(await bench.current()).toBe(2);
});

test("a key that cannot be read does not keep a bundle of another key", async () => {
  const failing = new FailingFiles();
  failing.unreadable.set("/old.pem", "EACCES");
  writeFileSync(at("trust/old.pem"), "");
  const bench = benchAt(failing.around);
  put("a.patrol", await bundleOf(1));
  await bench.look();
  expect(await bench.current()).toBe(1);
});

test("the root is locked until a bundle is installed, or was found wrong", async () => {
  const bench = benchAt();
  const locked: boolean[] = [];
  bench.car.meanwhile = async () => {
    await Promise.resolve();
    locked.push(bench.car.isLocked);
  };
  bench.receiver.offer(await bundleOf(1));
  put("a.patrol", Buffer.from("hello"));
  await bench.look();
  expect(locked).toEqual([true, true]);
  expect(bench.car.isLocked).toBe(false);
});
