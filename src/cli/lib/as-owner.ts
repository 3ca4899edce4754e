import { lstatSync, statSync, type Stats } from "node:fs";
import { dirname, resolve } from "node:path";

/** Whose folder it is; if a link of another user than root leads there, it is that user's: he can make it lead elsewhere. */
const ownerOf = (dir: string): Stats => {
  for (let path = resolve(dir); path !== dirname(path); path = dirname(path)) {
    const found = lstatSync(path);
    if (found.isSymbolicLink() && found.uid !== 0) return found;
  }
  return statSync(dir);
};

/**
 * Gives a process of root's only the rights of a folder's owner, until the result is disposed of. The owner can put a link
 * into the folder at any moment, and with root's rights a command would write or delete what the link names.
 */
export const asOwner = (dir: string): Disposable => {
  const { uid, gid } = ownerOf(dir);
  const { geteuid, getegid, getgroups, seteuid, setegid, setgroups } = process;
  if (geteuid?.() !== 0 || uid === 0 || !getegid || !getgroups || !seteuid || !setegid || !setgroups)
    return { [Symbol.dispose]: () => undefined };
  const before = { gid: getegid(), groups: getgroups() };
  setgroups([gid]);
  setegid(gid);
  seteuid(uid);
  return {
    [Symbol.dispose]() {
      seteuid(0);
      setegid(before.gid);
      setgroups(before.groups);
    },
  };
};
