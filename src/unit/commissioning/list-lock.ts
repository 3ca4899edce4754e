import { lockFolder } from "../../runtime/lock.ts";
import type { Time } from "../../runtime/ports.ts";
import type { Place } from "./finish.ts";
import { reportFolder } from "./keep.ts";

/**
 * Keeps a second list of a root from being opened, by another command or on the page. It ends with the process.
 * Undefined: a list is open.
 */
export const lockList = async (
  { root, files }: Pick<Place, "root" | "files">,
  time: Time,
): Promise<Disposable | undefined> => {
  const folder = reportFolder(root);
  await files.makeFolder(folder);
  return lockFolder(folder, 0, time);
};
