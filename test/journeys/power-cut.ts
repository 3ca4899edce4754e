import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "./car.ts";
import { carryIn } from "./carried.ts";
import { openDispatch } from "./dispatch.ts";
import { startGuest, type Guest } from "./guest.ts";
import { startMosquitto } from "./mosquitto.ts";

/** What dispatch knows after so many cuts, and what it should. */
export type CutsOutcome = {
  readonly cuts: number;
  /** Presses that the lamp said were stored, and those that dispatch knows of, in so many episodes. */
  readonly stored: number;
  readonly presses: number;
  readonly episodes: number;
  readonly numbers: number;
  /** Numbers that are neither delivered nor declared. */
  readonly missing: readonly number[];
  readonly declared: number;
  readonly boots: number;
  /** Different reports under one number. */
  readonly usedTwice: number;
};

const DISK_BYTES = 96 * 1024 * 1024;
const BOOT_LIMIT_MS = 60_000;
/** After the unit says that it is up, milliseconds: many cuts fall into its first second. */
const LATEST_CUT_MS = 6_000;
/** Boots without coverage: a backlog forms. */
const UNCOVERED = 0.4;
const DRAIN_LIMIT_MS = 240_000;

/** Boots a unit in a guest and cuts its power, again and again; the broker and dispatch are outside. */
export const cutPower = async (
  cuts: number,
  random: () => number,
  progress: (line: string) => void,
): Promise<CutsOutcome> => {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "power-cut-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const disk = join(folder, "disk.img");
  writeFileSync(disk, "");
  truncateSync(disk, DISK_BYTES);
  execFileSync("mkfs.ext4", ["-q", "-F", disk], {
    env: { ...process.env, PATH: `${process.env["PATH"]}:/sbin:/usr/sbin` },
  });
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const dispatch = stack.use(await openDispatch(broker.url));
  let covered = true;
  let stored = 0;
  /** Dispatch answers and clears every emergency once it has come. */
  const cleared = new Set<string>();
  const answer = setInterval(() => {
    for (const { episode, state } of dispatch.emergencies()) {
      if (state === "cleared" || cleared.has(episode)) continue;
      cleared.add(episode);
      dispatch.ack(episode, "cleared").catch(() => undefined);
    }
  }, 200);
  stack.defer(() => clearInterval(answer));
  const boot = async (idle: boolean): Promise<Guest> => {
    const guest = startGuest("test/journeys/power-cut-guest.ts", {
      disks: [disk],
      env: { IDLE: idle ? "yes" : "no" },
      onTold: (what) => {
        if (what === "stored") stored++;
      },
    });
    carryIn(broker.port, guest.line, () => covered);
    await waitFor("the unit in the guest", () => guest.told.has("up"), BOOT_LIMIT_MS).catch(
      (cause: unknown) => {
        process.stderr.write(`${guest.console()}\n`);
        throw cause;
      },
    );
    return guest;
  };
  for (let cut = 1; cut <= cuts; cut++) {
    covered = random() >= UNCOVERED;
    // oxlint-disable-next-line no-await-in-loop -- one life after another
    const guest = await boot(false);
    // oxlint-disable-next-line no-await-in-loop
    await sleep(random() * random() * LATEST_CUT_MS);
    // oxlint-disable-next-line no-await-in-loop
    await guest.cut();
    if (cut % 10 === 0)
      progress(`after ${cut} cuts: ${stored} presses stored, ${dispatch.reports.length} reports at dispatch`);
  }
  covered = true;
  const last = await boot(true);
  stack.defer(() => last.cut());
  const counted = () => {
    const byEpisode = new Map<string, number>();
    for (const { episode, presses } of dispatch.emergencies())
      byEpisode.set(episode, Math.max(presses, byEpisode.get(episode) ?? 0));
    return { episodes: byEpisode.size, presses: [...byEpisode.values()].reduce((sum, n) => sum + n, 0) };
  };
  const over = () =>
    dispatch.states.at(-1)?.boot === cuts + 1 &&
    dispatch.missing().length === 0 &&
    counted().presses >= stored;
  for (const end = performance.now() + DRAIN_LIMIT_MS; !over() && performance.now() < end;) {
    // oxlint-disable-next-line no-await-in-loop
    await sleep(1_000);
  }
  const bySeq = new Map<number, Set<string>>();
  for (const { seq, kind, mono, boot: life } of dispatch.reports)
    bySeq.set(seq, (bySeq.get(seq) ?? new Set()).add(`${kind} ${life} ${mono}`));
  return {
    cuts,
    stored,
    ...counted(),
    numbers: Math.max(0, ...dispatch.reports.map(({ seq }) => seq)),
    missing: dispatch.missing(),
    declared: dispatch
      .events("gap")
      .reduce((sum, { data }) => sum + (data as unknown as { count: number }).count, 0),
    boots: Math.max(...dispatch.states.map(({ boot: life }) => life)),
    usedTwice: [...bySeq.values()].filter((reports) => reports.size > 1).length,
  };
};
