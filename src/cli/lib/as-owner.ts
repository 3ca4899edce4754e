import { statSync } from "node:fs";

/**
 * If this process is root's, it has the rights of a folder's owner until the result is disposed of. The owner can put a
 * link below the folder at any moment: with root's rights a command would write and delete what the link names.
 */
export const asOwner = (dir: string): Disposable => {
  const { uid, gid } = statSync(dir);
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
