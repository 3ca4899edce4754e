import { expect, test } from "vitest";
import type { Opened } from "../../src/bundle/envelope.ts";
import { judge } from "../../src/bundle/judge.ts";
import { end, type Begun } from "../../src/bundle/supervise.ts";
import { beginGoingBack, trialOf, wayBack } from "../../src/bundle/trial.ts";
import { createRandom } from "../../src/demo/random.ts";
import { benchOn, DISK_FAILS, TRIAL_MS, type Bench } from "./service-bench.ts";
import { contentWith } from "./signed.ts";
import { PowerCut, SimulatedFiles } from "./simulated-files.ts";

/**
 * Random lives of a root: good, dead and crashing configurations come by hand and from dispatch, the power is cut and
 * the service is killed at any file operation, coverage and emergencies come and go.
 */

const LIVES = 150;
const STEPS = 30;
/** Operations of the longest change. */
const OPERATIONS = 40;
const KEPT = 5;

/** What becomes of a service that runs with a version, if there is coverage. */
type Nature = "good" | "dead" | "crashes";

/** The disk fails, and the process goes on. */
const survived = (cause: unknown): void => {
  if (!(cause instanceof PowerCut) && cause !== DISK_FAILS) throw cause;
};

class Life {
  readonly files = new SimulatedFiles();
  readonly bench: Bench;
  readonly natures = new Map<number, Nature>([[1, "good"]]);
  /** Versions with which dispatch was reached. */
  readonly reached = new Set([1]);
  readonly #random: () => number;
  /** The service, if it runs. */
  begun: Begun | undefined;
  #covered = true;
  #newest = 1;

  constructor(bench: Bench, files: SimulatedFiles, random: () => number) {
    this.bench = bench;
    this.files = files;
    this.#random = random;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
  #chance(p: number): boolean {
    return this.#random() < p;
  }

  /** One thing happens. */
  async step(): Promise<void> {
    const what = this.#below(8);
    if (what < 3) await this.#offer();
    else if (what === 3) await this.#survive(() => this.#back());
    else if (what === 4) this.#covered = this.#chance(0.6);
    else if (what === 5) this.bench.state.emergency = this.#chance(0.3);
    await this.run(1 + this.#below(90));
    await this.#holds();
  }

  /** A bundle of the next version, or of an earlier one, by hand or from dispatch. */
  async #offer(): Promise<void> {
    const { store } = this.bench;
    const version = this.#chance(0.7) ? this.#newest + 1 : 1 + this.#below(this.#newest);
    const from = this.#chance(0.5) ? "hand" : "dispatch";
    const [disk, state] = [await store.disk(), await store.state()];
    const opened: Opened = {
      kind: "valid",
      content: contentWith({ version }),
      signer: "hq",
      sha256: `${version}`,
    };
    const circumstances = {
      unit: "zrenjanin/zr-117",
      inForce: disk.current === undefined ? undefined : { version: disk.current, sha256: `${disk.current}` },
      now: 0,
      emergency: this.bench.state.emergency,
      from,
      failed: state.failed,
    } as const;
    const verdict = judge(opened, circumstances, { unit: "zrenjanin/zr-117", faults: [] });
    if (from === "dispatch") expect(verdict.kind === "take" && state.failed.includes(version)).toBe(false);
    const isKept = version === disk.previous || version === trialOf(disk, state)?.previous;
    if (verdict.kind !== "take" || isKept) return;
    if (!this.natures.has(version))
      this.natures.set(version, this.#chance(0.5) ? "good" : this.#chance(0.5) ? "dead" : "crashes");
    this.#newest = Math.max(this.#newest, version);
    await this.#survive(() => this.bench.install(version));
  }

  async #back(): Promise<void> {
    const { store } = this.bench;
    const back = beginGoingBack(await store.disk(), await store.state(), "by hand");
    if (back?.going) await store.goBack(back.going.to, back);
  }

  /** The change of another process, perhaps with a cut or a kill within it. */
  async #survive(change: () => Promise<void>): Promise<void> {
    const isCut = this.#chance(0.3);
    if (isCut) this.files.cutAfter(this.#below(OPERATIONS));
    await change().catch((cause: unknown) => {
      if (!(cause instanceof PowerCut)) throw cause;
    });
    if (isCut) this.#after();
  }

  /** Either the machine has lost its power, and the service with it, or only the process was killed. */
  #after(): void {
    if (this.#chance(0.5)) {
      this.files.cutAfter(Infinity);
      return;
    }
    this.files.powerOn(this.#random);
    this.bench.boot = `machine-${this.#random()}`;
    this.begun = undefined;
  }

  /** The service runs for some seconds; it is started anew if it asks for that, or crashes. */
  async run(seconds: number, faults = true): Promise<void> {
    const until = this.bench.seconds + seconds;
    while (this.bench.seconds < until) {
      if (faults && this.#chance(0.1)) this.files.cutAfter(this.#below(OPERATIONS));
      // oxlint-disable-next-line no-await-in-loop -- one start after the other
      if (!(await this.#runOnce(until))) this.#after();
    }
  }

  /** False: it was cut off. */
  async #runOnce(until: number): Promise<boolean> {
    const { bench } = this;
    try {
      const cuts: unknown[] = [];
      const begun = (this.begun ??= await bench.start((cause) => void cuts.push(cause)));
      // The process ended there.
      if (cuts.length > 0) throw cuts[0];
      const nature = this.natures.get(begun.version);
      const startedAt = bench.seconds;
      bench.state.covered = this.#covered;
      bench.everySecond = () => {
        bench.state.reached = this.#covered && nature === "good" && bench.seconds - startedAt >= 3;
        if (bench.state.reached) this.reached.add(begun.version);
      };
      bench.state.reached = false;
      const lasts = nature === "crashes" ? 5 : Math.max(1, until - bench.seconds);
      const reason = await bench.run(begun, lasts, survived);
      if (reason === undefined && nature !== "crashes") return true;
      if (reason !== undefined) await end(bench.on, begun, survived);
      this.begun = undefined;
      return true;
    } catch (cause) {
      if (!(cause instanceof PowerCut)) throw cause;
      this.begun = undefined;
      return false;
    }
  }

  /** What must be true at any time. */
  async #holds(): Promise<void> {
    this.files.cutAfter(Infinity);
    const { store } = this.bench;
    const [disk, state] = [await store.disk(), await store.state()];
    expect(disk.versions, "the version in force is there").toContain(disk.current);
    if (this.reached.has(disk.current!) || state.going?.from === disk.current) return;
    expect(
      trialOf(disk, state),
      `version ${disk.current} has never reached dispatch, and is on trial`,
    ).toBeDefined();
    expect(wayBack(disk, state), "and there is a way back").toBeDefined();
  }

  /** Everything is healthy for long enough: dispatch is reached, with a configuration that passed its trial. */
  async settle(): Promise<void> {
    this.#covered = true;
    this.bench.state.emergency = false;
    this.files.cutAfter(Infinity);
    await this.run((8 * TRIAL_MS) / 1_000, false);
    const { store, state } = this.bench;
    const disk = await store.disk();
    expect(this.natures.get(disk.current!)).toBe("good");
    expect(state.reached).toBe(true);
    expect(trialOf(disk, await store.state())).toBeUndefined();
    expect((await store.state()).results, "every result was reported").toEqual([]);
    // Changes that were cut may not have removed the oldest: the next one does.
    await store.prune();
    expect((await store.disk()).versions.length).toBeLessThanOrEqual(KEPT);
  }
}

const liveOf = async (seed: number): Promise<Life> => {
  const files = new SimulatedFiles();
  const bench = await benchOn(files, 1);
  await files.sync("/");
  return new Life(bench, files, createRandom(seed));
};

test(`${LIVES} random lives: always a whole configuration, on trial or proven; a good one in the end`, async () => {
  let versions = 0;
  for (let seed = 1; seed <= LIVES; seed++) {
    const life = await liveOf(seed);
    try {
      for (let n = 0; n < STEPS; n++) await life.step();
      await life.settle();
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause });
    }
    versions += life.natures.size;
  }
  process.stdout.write(`${LIVES} lives of a root, ${versions} versions\n`);
});
