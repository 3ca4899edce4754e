import { execFile } from "node:child_process";
import {
  existsSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve as pathTo } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pass } from "../src/bundle/trial.ts";
import { openBench } from "./bundle/receiver-bench.ts";
import { CONFIG, keyPair, sealed } from "./bundle/signed.ts";
import { canMount, mountSmallDisk } from "./journeys/small-disk.ts";

/** systemd/stick.sh with a folder as the stick, and the service's own inbox. test/journeys/stick.test.ts has the rest. */

const hq = await keyPair("hq");
const bundleOf = (version: number) =>
  sealed(hq.key, {
    version,
    files: [{ name: "patrol-unit.yaml", text: `${CONFIG}report: { movingS: ${version} }\n` }],
  });

let dir: string;
let root: string;
let stick: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "stick-"));
  [root, stick] = [join(dir, "root"), join(dir, "stick")];
  for (const folder of ["root/trust", "root/inbox", "stick", "answer"])
    mkdirSync(join(dir, folder), { recursive: true });
  writeFileSync(join(root, "trust/hq.pem"), hq.publicPem);
});
afterEach(() => rmSync(dir, { recursive: true }));

type Ran = { readonly code: number; readonly says: string };
const script = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> =>
  new Promise((resolve) => {
    const options = { env: { ...process.env, STICK_ANSWER_S: "10", STICK_TRIAL_S: "1", ...env } };
    execFile(pathTo("systemd/stick.sh"), [...args], options, (error, stdout) =>
      resolve({ code: error ? Number(error.code) : 0, says: stdout.trimEnd() }),
    );
  });
const take = (env?: NodeJS.ProcessEnv) => script(["take", stick, root, join(dir, "answer")], env);
const tell = (at = stick) => script(["tell", at, join(dir, "answer")]);

/** Takes the stick while a service runs. */
const takeServed = async (bench = openBench(root), env?: NodeJS.ProcessEnv): Promise<Ran> => {
  let over = false;
  const taken = take(env).finally(() => {
    over = true;
  });
  while (!over) {
    // oxlint-disable-next-line no-await-in-loop -- a service looks again and again
    await bench.look();
    // oxlint-disable-next-line no-await-in-loop
    await sleep(20);
  }
  return taken;
};
const RESULT = "RESULT-zr-117.txt";
const resultOn = (at = stick): string[] => readFileSync(join(at, RESULT), "utf8").split("\r\n");

test("a bundle of the stick is installed, and the result is on the stick, in words", async () => {
  writeFileSync(join(stick, "fleet.patrol"), await bundleOf(3));
  expect(await takeServed()).toEqual({ code: 0, says: "" });
  expect(await tell()).toEqual({ code: 0, says: "DONE: zrenjanin/zr-117" });
  expect(resultOn()).toEqual([
    "DONE: zrenjanin/zr-117",
    "fleet.patrol: version 3 for zrenjanin/zr-117, signed by hq, is installed, on trial for 300 s",
    "In force: version 3 (before: none)",
    "What to do: leave the ignition on until dispatch sees the car.",
    "",
  ]);
  expect(readdirSync(stick).toSorted()).toEqual([RESULT, "fleet.patrol"]);
});

test("the end of the trial is waited for, and is what the result says", async () => {
  writeFileSync(join(stick, "fleet.patrol"), await bundleOf(3));
  const bench = openBench(root);
  const taken = takeServed(bench, { STICK_TRIAL_S: "20" });
  while (!existsSync(join(root, "inbox", RESULT))) await sleep(20);
  await bench.store.endResults(3, { kind: "passed" });
  await taken;
  await tell();
  expect(resultOn()[1]).toMatch(/is in force: dispatch was reached with it$/);
});

test("a stick goes through several cars: each has its own result, and of a car the newest", async () => {
  writeFileSync(join(stick, "RESULT-zr-200.txt"), "DONE");
  writeFileSync(join(stick, RESULT), "an older one, which is longer than the new one".repeat(100));
  writeFileSync(join(stick, "fleet.patrol"), "hello");
  await takeServed();
  await tell();
  expect(readFileSync(join(stick, "RESULT-zr-200.txt"), "utf8")).toBe("DONE");
  expect(resultOn()[0]).toBe("REFUSED: zrenjanin/zr-117");
});

describe("a stick that is found when the computer starts", () => {
  const uptime = (seconds: number) => {
    writeFileSync(join(dir, "uptime"), `${seconds}.25 1.00\n`);
    return { STICK_UPTIME: join(dir, "uptime") };
  };
  const installed = async (): Promise<void> => {
    writeFileSync(join(stick, "fleet.patrol"), await bundleOf(3));
    await takeServed();
    await tell();
    rmSync(join(dir, "answer", RESULT));
  };

  test("and has this car's result was left in: it is not taken again", async () => {
    await installed();
    expect(await take(uptime(20))).toEqual({
      code: 0,
      says: "stick: it was left in, and nothing on it is new",
    });
    expect(await tell()).toEqual({ code: 0, says: "" });
    expect(resultOn()[0]).toBe("DONE: zrenjanin/zr-117");
  });

  test("is taken if it has a newer bundle, no result, or that of another car", async () => {
    await installed();
    utimesSync(join(stick, RESULT), 1, 1);
    expect((await takeServed(openBench(root), uptime(20))).says).toBe("");
    rmSync(join(stick, RESULT));
    writeFileSync(join(stick, "RESULT-zr-200.txt"), "DONE");
    expect((await takeServed(openBench(root), uptime(20))).says).toBe("");
  });

  test("later is taken: somebody has plugged it in", async () => {
    await installed();
    expect((await takeServed(openBench(root), uptime(200))).says).toBe("");
  });
});

describe("nothing is installed, and the car goes on, if the stick", () => {
  const refused = async (): Promise<string[]> => {
    const bench = openBench(root);
    expect((await takeServed(bench)).code).toBe(0);
    expect((await tell()).code).toBe(0);
    expect(await bench.current()).toBeUndefined();
    return resultOn();
  };

  test("has no bundle", async () => {
    writeFileSync(join(stick, "holiday.jpg"), "x");
    writeFileSync(join(stick, "._fleet.patrol"), "what a Mac leaves beside a file");
    expect((await refused())[1]).toBe("there is no bundle (*.patrol) on the stick");
  });

  test("has only a release of the software, which another script takes", async () => {
    writeFileSync(join(stick, "1.6.0.release"), "x");
    expect(await take()).toEqual({ code: 0, says: "" });
    expect(readdirSync(join(dir, "answer"))).toEqual([]);
  });

  test("has only a link, out of the stick", async () => {
    writeFileSync(join(dir, "secret"), await bundleOf(3));
    symlinkSync(join(dir, "secret"), join(stick, "a.patrol"));
    expect((await refused())[1]).toBe("there is no bundle (*.patrol) on the stick");
  });

  test("has a huge file: no more of it is copied than shows that it is too large", async () => {
    writeFileSync(join(stick, "movie.patrol"), "");
    truncateSync(join(stick, "movie.patrol"), 64 * 1024 ** 3);
    expect((await refused())[1]).toBe("movie.patrol: it has 524289 bytes, more than 524288");
  });

  test("has names that a shell or a terminal could act on", async () => {
    for (const name of ["-rf.patrol", "$(touch x).patrol", "a\nDONE.patrol", "*.patrol"])
      writeFileSync(join(stick, name), "hello");
    const text = await refused();
    expect(text[1]).toBe("none of the 4 bundles on the stick is for zrenjanin/zr-117");
    expect(text.slice(4)).toEqual([
      ...["-rf", "bundle-1", "bundle-2", "bundle-4"].map(
        (name) => `Not used: ${name}.patrol: it is not a bundle, or it is damaged or cut`,
      ),
      "",
    ]);
  });
});

test("a bundle with a foreign name replaces none that has the name under which it is copied", async () => {
  writeFileSync(join(stick, "bundle-2.patrol"), await bundleOf(3));
  writeFileSync(join(stick, "čačak.patrol"), "hello");
  await takeServed();
  await tell();
  expect(resultOn()[1]).toMatch(/^bundle-2\.patrol: version 3 /);
});

describe("a stick that is pulled", () => {
  test("while its bundles are copied leaves nothing in the car, and nothing is installed", async () => {
    const broken = join(dir, "bin");
    mkdirSync(broken);
    writeFileSync(join(broken, "head"), "#!/bin/sh\nprintf half\nexit 1\n");
    chmodSync(join(broken, "head"), 0o755);
    writeFileSync(join(stick, "a.patrol"), await bundleOf(3));
    expect(await take({ PATH: `${broken}:${process.env["PATH"]}` })).toEqual({
      code: 1,
      says: "stick: the bundles cannot be copied: it was pulled, or it is damaged",
    });
    expect(readdirSync(join(root, "inbox"))).toEqual([]);
  });

  test("before that is not an empty one", async () => {
    rmSync(stick, { recursive: true });
    expect((await take()).code).toBe(1);
    expect(readdirSync(join(root, "inbox"))).toEqual([]);
  });

  test("before the result is written: the bundle is installed, and that the result is lost is said", async () => {
    writeFileSync(join(stick, "a.patrol"), await bundleOf(3));
    const bench = openBench(root);
    await takeServed(bench);
    rmSync(stick, { recursive: true });
    expect(await tell()).toEqual({
      code: 1,
      says: "stick: the result cannot be written: the stick is full, locked or gone",
    });
    expect(await bench.current()).toBe(3);
  });
});

describe("the result", () => {
  const answered = () => writeFileSync(join(dir, "answer", RESULT), "DONE\r\n");

  test("replaces a link of its name, and what the link names stays as it is", async () => {
    writeFileSync(join(dir, "passwd"), "root");
    symlinkSync(join(dir, "passwd"), join(stick, RESULT));
    symlinkSync(join(dir, "passwd"), join(stick, `.${RESULT}.new`));
    answered();
    expect((await tell()).code).toBe(0);
    expect(readFileSync(join(dir, "passwd"), "utf8")).toBe("root");
    expect(lstatSync(join(stick, RESULT)).isFile()).toBe(true);
    expect(readdirSync(stick)).toEqual([RESULT]);
  });

  test("replaces a folder of its name", async () => {
    mkdirSync(join(stick, RESULT, "inner"), { recursive: true });
    answered();
    expect((await tell()).code).toBe(0);
    expect(resultOn()[0]).toBe("DONE");
  });

  test.skipIf(!canMount)(
    "cannot be written to a full stick: that is said, and no older one stays",
    async () => {
      using disk = mountSmallDisk(1);
      writeFileSync(join(disk.path, "RESULT-zr-200.txt"), "");
      disk.fill();
      answered();
      expect(await tell(disk.path)).toEqual({
        code: 1,
        says: "stick: the result cannot be written: the stick is full, locked or gone",
      });
      expect(readdirSync(disk.path).toSorted()).toEqual(["RESULT-zr-200.txt", "filler"]);
    },
  );
});

test("a service that does not run is named on the stick, and the bundle is not taken later", async () => {
  writeFileSync(join(stick, "a.patrol"), await bundleOf(3));
  expect(await take({ STICK_ANSWER_S: "1" })).toEqual({
    code: 0,
    says: "stick: the service does not answer",
  });
  expect(await tell()).toMatchObject({ code: 0 });
  expect(readFileSync(join(stick, "RESULT-no-answer.txt"), "utf8")).toMatch(/^NO ANSWER: /);
  const bench = openBench(root);
  await bench.look(3);
  expect(await bench.current()).toBeUndefined();
  // The next car removes it.
  await takeServed(bench);
  rmSync(join(dir, "answer/RESULT-no-answer.txt"));
  await tell();
  expect(readdirSync(stick).toSorted()).toEqual([RESULT, "a.patrol"]);
});

test("a bundle that waits is replaced by that of the next stick", async () => {
  const bench = openBench(root);
  bench.car.emergency = true;
  writeFileSync(join(stick, "a.patrol"), await bundleOf(3));
  await takeServed(bench);
  await tell();
  expect(resultOn()[0]).toBe("WAITING: zrenjanin/zr-117");
  rmSync(join(stick, "a.patrol"));
  writeFileSync(join(stick, "b.patrol"), await bundleOf(2));
  await takeServed(bench);
  bench.car.emergency = false;
  await bench.look(20);
  expect(await bench.current()).toBe(2);
  await bench.store.writeState(pass(await bench.store.disk(), await bench.store.state()));
});
