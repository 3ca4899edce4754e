import { diskContract } from "../contracts/disk.ts";
import { MemoryDisk } from "./memory-disk.ts";

diskContract("the disk of a unit of the fleet", () => {
  const disk = new MemoryDisk();
  return Promise.resolve({ disk, again: () => disk, [Symbol.asyncDispose]: () => Promise.resolve() });
});
