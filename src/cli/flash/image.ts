import { readFileSync, statSync } from "node:fs";
import { readFirmware, type FirmwareImage } from "../../../firmware-bridge/firmware-image.ts";
import { reasonOf } from "../../runtime/log.ts";
import { IMAGE_BYTES } from "../../settings/files.ts";
import { CommandError, EXIT, unreadable } from "../lib/command.ts";
import { refusal, type Refusal } from "./refusal.ts";

/** Reads a firmware image. Throws a CommandError (74) if the file cannot be read. */
export const readImage = (file: string): FirmwareImage | Refusal => {
  let text: string;
  try {
    const found = statSync(file);
    if (found.isFile() && found.size > IMAGE_BYTES)
      return refusal("image", `${file} is no firmware image: it has ${found.size} bytes`);
    if (!found.isFile() && !found.isDirectory())
      throw new CommandError(EXIT.io, `${file} cannot be read: it is not a regular file`);
    text = readFileSync(file, "latin1");
  } catch (cause) {
    throw cause instanceof CommandError ? cause : unreadable(file, cause);
  }
  try {
    return readFirmware(text);
  } catch (cause) {
    return refusal("image", `${file} is no firmware image for the panic board: ${reasonOf(cause)}`);
  }
};
