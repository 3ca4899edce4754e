import { execFile } from "node:child_process";
import { promisify } from "node:util";

/**
 * Asks the service manager to switch the computer off: it stops this service clean, as any other.
 * systemd/50-patrol-unit.rules lets the service's user ask. Throws with what systemctl said.
 */
export const requestPowerOff = async (env: NodeJS.ProcessEnv): Promise<void> => {
  await promisify(execFile)("systemctl", ["--no-wall", "--no-ask-password", "poweroff"], { env });
};
