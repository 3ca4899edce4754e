import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Content } from "../../src/bundle/format.ts";
import { Store, type About } from "../../src/bundle/store.ts";
import { atStart, beginGoingBack, beginTrial, countTime, pass, wayBack } from "../../src/bundle/trial.ts";
import { rootAt } from "../../src/settings/root.ts";
import { PowerCut, SimulatedFiles } from "./simulated-files.ts";

const ROOT = rootAt("/root");
const BOOT = "machine-1";

const configOf = (version: number) => `config ${version}`;
const filesOf = (version: number) => [
  { name: "patrol-unit.yaml", bytes: Buffer.from(configOf(version)) },
  { name: "vehicles/car.dbc", bytes: Buffer.from(`dbc ${version}`) },
];
const aboutOf = (version: number): About => ({ version, for: "*", signer: "hq", sha256: `sha ${version}` });

/** Installs a version as `flash config` does after all checks. */
const install = async (store: Store, version: number, trust?: Content["trust"]): Promise<void> => {
  await store.stage(filesOf(version), aboutOf(version));
  const state = beginTrial(await store.disk(), await store.state(), { version, signer: "hq" }, BOOT);
  await store.switchToStaged(version, state, trust);
};
const succeed = async (store: Store): Promise<void> =>
  store.writeState(pass(await store.disk(), await store.state()));
const goBack = async (store: Store, why: string): Promise<void> => {
  const state = beginGoingBack(await store.disk(), await store.state(), why);
  if (state?.going) await store.goBack(state.going.to, state);
};

/** A root with these versions installed in turn, all of which passed their trials. */
const rootWith = async (...versions: number[]) => rootTrusting(versions);

const rootTrusting = async (versions: readonly number[], trust?: Content["trust"]) => {
  const files = new SimulatedFiles();
  await files.makeFolder("/root");
  await files.sync("/");
  const store = new Store(ROOT, files);
  for (const version of versions) {
    await install(store, version, version === versions.at(-1) ? trust : undefined);
    await succeed(store);
  }
  return { files, store };
};

const texts = async (files: SimulatedFiles, version: number) => {
  const read = async (name: string) => (await files.read(join(ROOT.configs, `${version}`, name)))?.toString();
  return [await read("patrol-unit.yaml"), await read("vehicles/car.dbc")];
};

describe("a configuration", () => {
  test("is in force once it is switched, with the one before it as previous", async () => {
    const { store, files } = await rootWith(1, 2);
    expect(await store.disk()).toEqual({ current: 2, previous: 1, versions: [1, 2] });
    expect(await files.linkAt(ROOT.current)).toBe("configs/2");
    expect(await files.linkAt(ROOT.previous)).toBe("configs/1");
    expect(await store.about(2)).toEqual(aboutOf(2));
    expect(await texts(files, 2)).toEqual(["config 2", "dbc 2"]);
  });

  test("that is being tried is not one to go back to: previous stays that which passed", async () => {
    const { store } = await rootWith(1);
    await install(store, 2);
    await store.writeState(countTime(await store.state(), 1));
    await install(store, 3);
    expect(await store.disk()).toMatchObject({ current: 3, previous: 1 });
  });

  test("that was never tried is one to go back to, and on from there", async () => {
    const { store } = await rootWith(1);
    await install(store, 2);
    await install(store, 3);
    expect(await store.disk()).toMatchObject({ current: 3, previous: 2 });
    await goBack(store, "by hand");
    expect(await store.disk()).toMatchObject({ current: 2, previous: 1 });
    await goBack(store, "by hand");
    expect(await store.disk()).toMatchObject({ current: 1, previous: undefined });
  });

  test("that is taken back is remembered as failed, and reported", async () => {
    const { store } = await rootWith(1);
    await install(store, 2);
    await goBack(store, "dispatch was not reached");
    expect(await store.disk()).toEqual({ current: 1, previous: undefined, versions: [1, 2] });
    expect(await store.state()).toMatchObject({
      failed: [2],
      results: expect.arrayContaining([
        { version: 2, ok: false, error: "dispatch was not reached", signer: "hq", other: 1 },
      ]),
    });
  });

  test("that failed can be installed again, with other files", async () => {
    const { store, files } = await rootWith(1);
    await install(store, 2);
    await goBack(store, "by hand");
    await install(store, 2);
    expect(await store.disk()).toMatchObject({ current: 2, previous: 1 });
    expect((await store.state()).failed).toEqual([]);
    expect(await texts(files, 2)).toEqual(["config 2", "dbc 2"]);
  });

  test("is removed when it is not among the five newest", async () => {
    const { store } = await rootWith(1, 2, 3, 4, 5, 6, 7, 8);
    expect((await store.disk()).versions.toSorted((a, b) => a - b)).toEqual([4, 5, 6, 7, 8]);
  });

  test("in use is never removed, however old it is", async () => {
    const { store } = await rootWith(1, 6, 7, 8, 9);
    for (let n = 0; n < 4; n++) await goBack(store, "by hand");
    expect(await store.disk()).toMatchObject({ current: 8, previous: undefined });
    await install(store, 20);
    await install(store, 21);
    await install(store, 22);
    expect(await store.disk()).toMatchObject({ current: 22, previous: 21 });
    expect((await store.disk()).versions).toContain(8);
  });

  test("changes the trusted keys when it is switched", async () => {
    const { store, files } = await rootWith(1);
    await install(store, 2, {
      add: [
        { name: "a", pem: "A" },
        { name: "b", pem: "B" },
      ],
      retire: [],
    });
    await install(store, 3, { add: [{ name: "c", pem: "C" }], retire: ["a", "none"] });
    expect((await files.list(ROOT.trust)).map(({ name }) => name).toSorted()).toEqual(["b.pem", "c.pem"]);
    await goBack(store, "by hand");
    expect((await files.list(ROOT.trust)).map(({ name }) => name).toSorted()).toEqual(["b.pem", "c.pem"]);
  });
});

test("a state file that is damaged counts as none", async () => {
  const { store, files } = await rootWith(1);
  await files.remove("/root/state.json");
  await files.write("/root/state.json", Buffer.from('{"v":1,"tri'));
  expect(await store.state()).toEqual({ v: 1, failed: [], results: [] });
});

test("a link to a configuration that is not there counts as none", async () => {
  const { store, files } = await rootWith(1);
  await files.remove(ROOT.current);
  await files.makeLink("configs/9", ROOT.current);
  expect(await store.disk()).toMatchObject({ current: undefined });
});

/** What survives a cut: all that was not synced, none, or a part of it. */
const SURVIVAL: readonly (readonly [string, (seed: number) => () => number])[] = [
  ["nothing that was not synced survives", () => () => 0],
  ["everything that was written survives", () => () => 0.999_999],
  [
    "a part survives",
    (seed) => {
      let state = seed * 2_654_435_761 + 1;
      return () => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        return state / 2_147_483_648;
      };
    },
  ],
];

type Change = {
  readonly before: readonly number[];
  /** That the last of them brought. */
  readonly trust?: Content["trust"];
  readonly make: (store: Store) => Promise<void>;
  /** The versions that may be in force after a cut. */
  readonly outcomes: readonly number[];
  /** The version in force after the change has been made to its end. */
  readonly end: number;
};
const CHANGES: Readonly<Record<string, Change>> = {
  "the first configuration": { before: [], make: (store) => install(store, 1), outcomes: [1], end: 1 },
  "a new configuration": { before: [1, 2], make: (store) => install(store, 3), outcomes: [2, 3], end: 3 },
  "a new configuration, with six old ones": {
    before: [1, 2, 3, 4, 5, 6],
    make: (store) => install(store, 7),
    outcomes: [6, 7],
    end: 7,
  },
  "a new configuration with other trusted keys": {
    before: [1, 2],
    trust: { add: [{ name: "a", pem: "A" }], retire: [] },
    make: (store) => install(store, 3, { add: [{ name: "b", pem: "B" }], retire: ["a"] }),
    outcomes: [2, 3],
    end: 3,
  },
  "the way back by hand": {
    before: [1, 2],
    make: (store) => goBack(store, "by hand"),
    outcomes: [1, 2],
    end: 1,
  },
};

describe.each(Object.entries(CHANGES))(
  "a power cut during %s",
  (change, { before, trust, make, outcomes, end }) => {
    const changesTrust = change.endsWith("trusted keys");
    test.each(SURVIVAL)("at any operation, if %s", async (__, survival) => {
      let cuts = 0;
      for (let after = 0; ; after++) {
        const { files, store } = await rootTrusting(before, trust);
        files.cutAfter(after);
        const isCut = await make(store).then(
          () => false,
          (cause: unknown) => {
            if (cause instanceof PowerCut) return true;
            throw cause;
          },
        );
        if (!isCut) {
          files.powerOn(() => 0);
          expect((await new Store(ROOT, files).disk()).current, "it is on disk when it is done").toBe(end);
          break;
        }
        cuts++;
        files.powerOn(survival(after));
        // The service starts again.
        const again = new Store(ROOT, files);
        const disk = await again.disk();
        const start = atStart(disk, await again.state(), "machine-2");
        if (start.kind === "back") await again.goBack(start.to, start.state);
        else if (start.kind === "run" && start.state) await again.writeState(start.state);
        const { current, previous } = await again.disk();
        if (before.length > 0 || current !== undefined) {
          expect(outcomes, `after ${after} operations`).toContain(current);
          expect(await texts(files, current!)).toEqual([configOf(current!), `dbc ${current!}`]);
        }
        if (previous !== undefined)
          expect(await texts(files, previous)).toEqual([configOf(previous), `dbc ${previous}`]);
        const isNew = current !== undefined && !before.includes(current);
        if (current !== undefined)
          expect((await again.state()).trial?.version, "a new version is on trial").toBe(
            isNew ? current : undefined,
          );
        const trusted = await Promise.all(
          (await files.list(ROOT.trust))
            .filter(({ name }) => name.endsWith(".pem"))
            .map(async ({ name }) => (await files.read(join(ROOT.trust, name)))?.toString()),
        );
        expect(trusted).toEqual(
          changesTrust && isNew ? ["B"] : trusted.filter((pem) => pem === "A" || pem === "B"),
        );
        // The same change made again has its result.
        if (current !== end) await make(again);
        expect((await again.disk()).current).toBe(end);
        if (end === Math.max(...outcomes) && before.length > 0)
          expect(wayBack(await again.disk(), await again.state())).toBe(before.at(-1));
      }
      expect(cuts).toBeGreaterThan(8);
    });
  },
);
