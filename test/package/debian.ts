import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/** A fresh Debian 12, kept between runs. Only making it needs the network. */
const FRESH = "node_modules/.debian-12";
const ENV = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
/** A shell's line that runs a command in a root with /proc and /sys of its own. */
const ENTER = 'mount -t proc proc "$0/proc" && mount -t sysfs sys "$0/sys" && exec chroot "$0" "$@"';

/** Whether a Debian can be made and entered here. */
export const canInstall = process.getuid?.() === 0 && existsSync("/usr/sbin/debootstrap");

const makeFresh = (): void => {
  const made = `${FRESH}.new`;
  rmSync(made, { recursive: true, force: true });
  const packages = "systemd,systemd-sysv,udev,iproute2,libstdc++6,dbus";
  execFileSync("debootstrap", ["--variant=minbase", `--include=${packages}`, "bookworm", made], {
    stdio: "ignore",
  });
  execFileSync("mv", [made, FRESH]);
};

/** A copy of a fresh Debian 12. Removed when it is disposed. */
export const openDebian = () => {
  if (!existsSync(FRESH)) makeFresh();
  // Beside the fresh one: a guest reaches it there.
  const root = mkdtempSync(join(resolve("node_modules"), ".fresh-"));
  execFileSync("cp", ["--archive", "--no-target-directory", FRESH, root]);
  execFileSync("chmod", ["755", root]);
  const inRoot = (command: readonly string[]): string[] => [
    "--net",
    "--mount",
    "sh",
    "-c",
    ENTER,
    root,
    ...command,
  ];
  const call = (args: readonly string[]): string =>
    execFileSync("unshare", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: ENV });
  return {
    root,
    at: (path: string): string => join(root, path),
    /** Runs a command in the root, without a network and without anybody who answers. Throws if it fails. */
    run: (...command: string[]): string => call(inRoot(command)),
    /** As an image is made by a simple tool: without /proc and /sys. */
    runBare: (...command: string[]): string => call(["--net", "chroot", root, ...command]),
    tries: (...command: string[]) => spawnSync("unshare", inRoot(command), { encoding: "utf8", env: ENV }),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
};
export type Debian = ReturnType<typeof openDebian>;
