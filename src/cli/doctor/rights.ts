import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { UnitSettings } from "../../settings/load.ts";
import { sound, trouble, warning, type Finding } from "./finding.ts";

/** Root may read and write everything: doctor run as root does not find what the service's user may not. */

/** The user of systemd/patrol-unit.service. */
const USER = "patrol-unit";
/** At most so many files of the outbox folder are tried. */
const MAX_FILES = 1_000;

type Ids = { readonly uid: number; readonly gid: number };

const idsOf = (user: string): Ids | undefined => {
  const ask = (what: "-u" | "-g") => spawnSync("id", [what, user], { encoding: "utf8" });
  const [uid, gid] = [ask("-u"), ask("-g")];
  return uid.status === 0 && gid.status === 0
    ? { uid: Number(uid.stdout), gid: Number(gid.stdout) }
    : undefined;
};

/** Those of the paths that a user may not read (`-r`) or write (`-w`): the kernel is asked as this user. */
const denied = (ids: Ids, right: "-r" | "-w", paths: readonly string[]): string[] => {
  const script = 'right=$1; shift; for path; do [ "$right" "$path" ] || echo "$path"; done';
  const options = { ...ids, cwd: "/", encoding: "utf8" } as const;
  const { stdout, error } = spawnSync("/bin/sh", ["-c", script, "sh", right, ...paths], options);
  if (error) throw error;
  return stdout.split("\n").filter((path) => path !== "");
};

/** The outbox and its files, or if it is not there yet, the folder in which it will be made. */
const outboxPaths = (path: string): string[] => {
  if (existsSync(path))
    return [
      path,
      ...readdirSync(path)
        .slice(0, MAX_FILES)
        .map((name) => join(path, name)),
    ];
  const parent = dirname(path);
  // systemd makes the folder above with the right owner.
  return existsSync(parent) ? [parent] : [];
};

/**
 * Whether the service's user may read the configuration file and the files of the link, and write the outbox.
 * Only root can try that as another user.
 */
export const tryRights = (file: string, { dispatch, outbox }: UnitSettings, user = USER): Finding[] => {
  if (process.getuid?.() !== 0) return [];
  const ids = idsOf(user);
  if (!ids)
    return [
      warning("rights", `doctor tried everything as root; the service runs as ${user}, and may do less`),
    ];
  const { ca, cert, key } = dispatch;
  const files = [file, ca, cert, key].filter((path) => path !== undefined);
  const present = files.filter((path) => existsSync(path));
  const unread = denied(ids, "-r", present);
  const [unwritten] = denied(ids, "-w", outboxPaths(outbox.path));
  const found = [
    ...unread.map((path) =>
      trouble(
        "rights",
        `user ${user} may not read ${path}`,
        `let it: chgrp ${user} and chmod 640 for the file, o+x for its folders`,
      ),
    ),
    ...(unwritten === undefined
      ? []
      : [trouble("rights", `user ${user} may not write ${unwritten}`, `chown -R ${user}: ${outbox.path}`)]),
  ];
  return found.length > 0 ? found : [sound("rights", `user ${user} may read its files and write the outbox`)];
};
