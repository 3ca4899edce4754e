import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { Versions } from "../../src/update/versions.ts";
import { PowerCut, SimulatedFiles } from "../bundle/simulated-files.ts";

const DIR = "/software";

const stageAndSwitch = async (
  files: SimulatedFiles,
  versions: Versions,
  version: string,
  previous: string,
) => {
  const folder = await versions.stage();
  await files.write(`${folder}/program`, Buffer.from(version));
  // As the file system is synced when a package is unpacked.
  await files.sync(`${folder}/program`);
  await files.sync(folder);
  await versions.switchToStaged(version, previous);
};

/** A folder with version 1.0.0 in force. */
const begin = async () => {
  const files = new SimulatedFiles();
  await files.makeFolder(DIR);
  await files.makeFolder(`${DIR}/1.0.0`);
  await files.write(`${DIR}/1.0.0/program`, Buffer.from("1.0.0"));
  await files.makeLink("1.0.0", `${DIR}/current`);
  for (const path of [`${DIR}/1.0.0/program`, `${DIR}/1.0.0`, DIR, "/"])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await files.sync(path);
  return { files, versions: new Versions(DIR, files) };
};

const programOf = async (files: SimulatedFiles, version: string | undefined) =>
  (await files.read(`${DIR}/${version}/program`))?.toString();

describe("a version", () => {
  test("that is staged is in force on trial, with the one before as previous", async () => {
    const { files, versions } = await begin();
    await stageAndSwitch(files, versions, "1.1.0", "1.0.0");
    expect(await versions.current()).toBe("1.1.0");
    expect(await versions.trial()).toEqual({ version: "1.1.0", previous: "1.0.0", starts: 0 });
    expect(await files.linkAt(`${DIR}/previous`)).toBe("1.0.0");
    expect(await programOf(files, "1.1.0")).toBe("1.1.0");
  });

  test("that is there already is replaced", async () => {
    const { files, versions } = await begin();
    await files.makeFolder(`${DIR}/1.1.0`);
    await files.write(`${DIR}/1.1.0/old`, Buffer.from("old"));
    await stageAndSwitch(files, versions, "1.1.0", "1.0.0");
    expect((await files.list(`${DIR}/1.1.0`)).map(({ name }) => name)).toEqual(["program"]);
    expect((await files.list(DIR)).map(({ name }) => name).toSorted()).toEqual([
      "1.0.0",
      "1.1.0",
      "current",
      "previous",
      "trial",
    ]);
  });

  test("whose switch is cut by a power cut at any step is in force, complete and on trial, or not at all", async () => {
    const random = createRandom(7);
    const seen = new Set<string>();
    for (let run = 0; run < 40; run++)
      for (let cut = 0; cut < 25; cut++) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        const { files, versions } = await begin();
        files.cutAfter(cut);
        try {
          // oxlint-disable-next-line no-await-in-loop
          await stageAndSwitch(files, versions, "1.1.0", "1.0.0");
        } catch (cause) {
          if (!(cause instanceof PowerCut)) throw cause;
        }
        files.powerOn(random);
        // oxlint-disable-next-line no-await-in-loop
        const current = await versions.current();
        // oxlint-disable-next-line no-await-in-loop
        expect(await programOf(files, current)).toBe(current);
        // oxlint-disable-next-line no-await-in-loop
        const trial = await versions.trial();
        expect(trial?.previous).toBe(current === "1.1.0" ? "1.0.0" : undefined);
        // What is left half-way does not keep the next attempt.
        // oxlint-disable-next-line no-await-in-loop
        await stageAndSwitch(files, versions, "1.2.0", current!);
        // oxlint-disable-next-line no-await-in-loop
        expect(await versions.current()).toBe("1.2.0");
        seen.add(`${current}`);
      }
    expect([...seen].toSorted()).toEqual(["1.0.0", "1.1.0"]);
  });
});

test.each(["", "1.1.0", "1.1.0 1.0.0", "1.1.0 1.0.0 x", "1.1.0 ../x 0", "../x 1.0.0 0"])(
  "a marker that says %j is no trial",
  async (line) => {
    const { files, versions } = await begin();
    await stageAndSwitch(files, versions, "1.1.0", "1.0.0");
    await files.remove(`${DIR}/trial`);
    await files.write(`${DIR}/trial`, Buffer.from(`${line}\n`));
    expect(await versions.trial()).toBeUndefined();
  },
);

test("a version that was taken back is told with its reason", async () => {
  const { files, versions } = await begin();
  expect(await versions.takenBack()).toBeUndefined();
  await files.write(`${DIR}/failed`, Buffer.from("1.1.0 1.0.0 it was taken back by hand\n"));
  expect(await versions.takenBack()).toEqual({
    version: "1.1.0",
    previous: "1.0.0",
    why: "it was taken back by hand",
  });
});
