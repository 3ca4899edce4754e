import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The path of the panic board's released firmware image, in a checkout or beside the bundle. */
export const releasedImage = (): string => {
  const name = join("firmware-bridge", "firmware", "panic-board.hex");
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, name))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`${name} is missing: is the installation complete?`);
    folder = parent;
  }
  return join(folder, name);
};
