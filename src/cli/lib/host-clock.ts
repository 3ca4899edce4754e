import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HOST_CLOCK, judgeHostClock } from "../../policy/host-clock.ts";
import { isNtpSynchronised } from "../../runtime/clock.ts";
import { reasonOf, type Log } from "../../runtime/log.ts";
import type { Timer } from "../../runtime/ports.ts";
import { systemTime } from "../../runtime/time.ts";

/** Hands the receiver's time to the helper that may set the clock: systemd/patrol-unit-clock.service. */

const LOOK_MS = 1_000;

/** Milliseconds since the computer started, as the helper reads it too. It counts while the computer sleeps. */
const uptimeMs = (): number =>
  Math.round(Number(readFileSync("/proc/uptime", "utf8").split(" ", 1)[0]) * 1_000);

/** Replaces the file at once. The helper has no right but to set the clock, so everybody may read it. */
const writeTime = (file: string, at: number): void => {
  const fresh = `${file}.new`;
  writeFileSync(fresh, `${at} ${uptimeMs()}\n`);
  chmodSync(fresh, 0o644);
  renameSync(fresh, file);
};

export type ClockedUnit = {
  /** The time that is trusted, UTC milliseconds. */
  now(): number | undefined;
  /** Tries to connect now. */
  retryLink(): void;
};

/**
 * Looks at the clocks each second until it is disposed. When the clock was set, the link tries again at once: it may
 * have refused a certificate as not valid yet. `env`: of a service with RuntimeDirectory=; elsewhere no time is handed over.
 */
export const keepHostClock = (unit: ClockedUnit, env: NodeJS.ProcessEnv, log: Log): Timer => {
  const folder = env["RUNTIME_DIRECTORY"]?.split(":", 1)[0];
  let state = HOST_CLOCK;
  const look = (): void => {
    const clocks = {
      mono: systemTime.mono(),
      host: Date.now(),
      trusted: unit.now(),
      synchronised: isNtpSynchronised(),
    };
    const { next, handOver, wasSet } = judgeHostClock(state, clocks);
    state = next;
    if (wasSet) unit.retryLink();
    if (!handOver || folder === undefined || clocks.trusted === undefined) return;
    try {
      writeTime(join(folder, "gnss-time"), clocks.trusted);
    } catch (cause) {
      log.warn("the receiver's time cannot be handed over: the clock stays wrong", {
        cause: reasonOf(cause),
      });
    }
  };
  return systemTime.every(LOOK_MS, look);
};
