import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The path of a released image, in a checkout or beside the bundle. */
const released = (file: string): string => {
  const name = join("firmware-bridge", "firmware", file);
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, name))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`${name} is missing: is the installation complete?`);
    folder = parent;
  }
  return join(folder, name);
};

/** The path of the panic board's released firmware image. */
export const releasedImage = (): string => released("panic-board.hex");

/** The path of its released boot loader. */
export const releasedLoader = (): string => released("boot-loader.hex");
