import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** The answer of logind is awaited for this long. */
const TIMEOUT_MS = 10_000;

const shutdown = async (env: NodeJS.ProcessEnv, ...words: readonly string[]): Promise<void> => {
  // A service's PATH leaves out the folders of the system's own programs.
  const path = `${env["PATH"] ?? "/usr/bin:/bin"}:/usr/sbin:/sbin`;
  await promisify(execFile)("shutdown", ["--no-wall", ...words], {
    env: { ...env, PATH: path },
    timeout: TIMEOUT_MS,
  });
};

/**
 * Switches the computer off with shutdown(8), which asks logind. systemd/50-patrol-unit.rules lets the
 * service's user do this. Both reject with what `shutdown` printed. (`systemctl poweroff --when=` would
 * be the same; it needs systemd 254.)
 */
export const createPowerSwitch = (env: NodeJS.ProcessEnv) => ({
  /** Switches the computer off after a time, in whole minutes. Until then it can be cancelled. */
  schedule: (inS: number) => shutdown(env, "-P", `+${Math.ceil(inS / 60)}`),
  /** Cancels a scheduled power-off. It is no error if there is none. */
  cancel: () => shutdown(env, "-c"),
});

export type PowerSwitch = ReturnType<typeof createPowerSwitch>;
