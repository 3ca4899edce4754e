import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { withSystemPath } from "./system-path.ts";

/** The port to the computer's own power. */
export type PowerSwitch = {
  /** Switches the computer off after `inS` seconds, rounded up to minutes. Until then it can be cancelled. */
  schedule(inS: number): Promise<void>;
  /** Cancels a scheduled power-off. It is no error if there is none. */
  cancel(): Promise<void>;
};

/** How long logind may take to answer. */
const TIMEOUT_MS = 10_000;

const shutdown = async (env: NodeJS.ProcessEnv, ...words: readonly string[]): Promise<void> => {
  await promisify(execFile)("shutdown", ["--no-wall", ...words], {
    env: withSystemPath(env),
    timeout: TIMEOUT_MS,
  });
};

/**
 * Switches the computer off with shutdown(8), which asks logind. systemd/50-patrol-unit.rules lets the
 * service's user do this. Both reject with what `shutdown` printed. (`systemctl poweroff --when=` would
 * be the same; it needs systemd 254.)
 */
export const createPowerSwitch = (env: NodeJS.ProcessEnv): PowerSwitch => ({
  schedule: (inS: number) => shutdown(env, "-P", `+${Math.ceil(inS / 60)}`),
  cancel: () => shutdown(env, "-c"),
});
