import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { beginGoingBack, pass } from "../../src/bundle/trial.ts";
import { FailingFiles, inRoot } from "./receiver-bench.ts";

const { stranger, at, benchAt, bundleOf } = await inRoot();

describe("the bundles of a stick", () => {
  const plug = async (...bundles: readonly (readonly [name: string, bytes: Buffer | Promise<Buffer>])[]) => {
    mkdirSync(at("inbox/stick"));
    for (const [name, bytes] of bundles) writeFileSync(at("inbox/stick", name), await bytes);
  };
  const textOf = () => readFileSync(at("inbox/RESULT-zr-117.txt"), "utf8").split("\r\n");
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
    expect(readdirSync(at("inbox"))).toEqual(["RESULT-zr-117.txt"]);
  });

  test("that come while those of another stick are installed are taken next", async () => {
    const bench = benchAt();
    await plug(["a.patrol", bundleOf(1)]);
    bench.car.meanwhile = async () => {
      bench.car.meanwhile = () => Promise.resolve();
      await plug(["b.patrol", bundleOf(2)]);
    };
    await bench.look();
    expect(await bench.current()).toBe(1);
    await passed(bench);
    await bench.look();
    expect(await bench.current()).toBe(2);
    expect(readdirSync(at("inbox"))).toEqual(["RESULT-zr-117.txt"]);
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
    expect(readdirSync(at("inbox"))).toEqual(["RESULT-zr-117.txt"]);
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

  test("that are plugged in again during the trial say that it is on trial, and have its end", async () => {
    const bench = benchAt();
    const bytes = await bundleOf(1);
    for (let n = 0; n < 2; n++) {
      await plug(["a.patrol", bytes]);
      await bench.look();
      expect(textOf()[1]).toMatch(/^a\.patrol: version 1 .*, is installed, on trial for 300 s$/);
    }
    await bench.store.endResults(1, { kind: "passed" });
    expect(textOf()[1]).toMatch(/is in force: dispatch was reached with it$/);
  });

  test("that are plugged in again are done, not refused, and no event", async () => {
    const bench = benchAt();
    const bytes = await bundleOf(1);
    await plug(["a.patrol", bytes]);
    await bench.look();
    await passed(bench);
    const { results } = await bench.store.state();
    await plug(["a.patrol", bytes]);
    await bench.look();
    expect(textOf().slice(0, 2)).toEqual(["DONE: zrenjanin/zr-117", "a.patrol: it is in force already"]);
    expect(bench.car.lines.at(-1)).toBe("ignore | done: it is in force already");
    expect((await bench.store.state()).results).toEqual(results);
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
    writeFileSync(at("outside"), await bundleOf(1));
    await plug(["x: y\r\nDONE.patrol", Buffer.from("x")], ["z.patrol", Buffer.from("y")]);
    symlinkSync("../../outside", at("inbox/stick/link.patrol"));
    mkdirSync(at("inbox/stick/folder.patrol/inner"), { recursive: true });
    await bench.look();
    expect(await bench.current()).toBeUndefined();
    expect(textOf()[4]).toBe("Not used: x? y??DONE.patrol: it is not a bundle, or it is damaged or cut");
    expect(readdirSync(at("inbox"))).toEqual(["RESULT-zr-117.txt"]);
  });

  test("are no folder but a link to one: nothing is looked at", async () => {
    const bench = benchAt();
    mkdirSync(at("elsewhere"));
    writeFileSync(at("elsewhere/a.patrol"), await bundleOf(1));
    symlinkSync("../elsewhere", at("inbox/stick"));
    await bench.look();
    expect(await bench.current()).toBeUndefined();
  });

  test("are taken although a file beside them cannot be read, which the result says", async () => {
    const failing = new FailingFiles();
    failing.unreadable.set("/a.patrol", "EIO");
    const bench = benchAt(failing.around);
    await plug(["a.patrol", bundleOf(2)], ["b.patrol", bundleOf(1)]);
    await bench.look();
    expect(await bench.current()).toBe(1);
    expect(textOf()[4]).toMatch(/^Not used: a.patrol: it cannot be read: the disk reports an error/);
  });

  test("of which the only one cannot be read are refused once, with what to do", async () => {
    const failing = new FailingFiles();
    failing.unreadable.set("/a.patrol", "EACCES");
    const bench = benchAt(failing.around);
    await plug(["a.patrol", bundleOf(1)]);
    await bench.look(30);
    expect(bench.car.lines).toEqual(["refuse | refused: it cannot be read: this user may not read it"]);
    expect(textOf().slice(1, 4)).toEqual([
      "a.patrol: it cannot be read: this user may not read it",
      "In force: none (before: none)",
      "What to do: copy the bundle onto the stick again. The car works as before.",
    ]);
  });

  test("are reported once while the result cannot be written, which is tried every 10 s", async () => {
    const failing = new FailingFiles();
    const bench = benchAt(failing.around);
    await plug(["a.patrol", Buffer.from("x")]);
    bench.car.meanwhile = () => {
      failing.unwritable = "/inbox";
      return Promise.resolve();
    };
    expect((await bench.lookWithFailures(60)).length).toBeLessThanOrEqual(6);
    expect(bench.car.lines).toHaveLength(1);
    failing.unwritable = undefined;
    await bench.look(10);
    expect(bench.car.lines).toHaveLength(1);
    expect(textOf()[0]).toBe("REFUSED: zrenjanin/zr-117");
    expect(readdirSync(at("inbox"))).toEqual(["RESULT-zr-117.txt"]);
  });

  test("of a new stick are taken although the result of the one before could not be written", async () => {
    const failing = new FailingFiles();
    const bench = benchAt(failing.around);
    await plug(["a.patrol", Buffer.from("x")]);
    bench.car.meanwhile = () => {
      failing.unwritable = "/inbox";
      return Promise.resolve();
    };
    await bench.lookWithFailures(5);
    bench.car.meanwhile = () => Promise.resolve();
    failing.unwritable = undefined;
    await plug(["b.patrol", bundleOf(1)]);
    await bench.look(10);
    expect(await bench.current()).toBe(1);
    expect(textOf()[0]).toBe("DONE: zrenjanin/zr-117");
  });
});
