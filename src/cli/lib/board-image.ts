import { dirname, resolve } from "node:path";
import { readFirmware } from "../../../firmware-bridge/firmware-image.ts";
import { reasonOf } from "../../runtime/log.ts";
import type { ConfigDocument } from "../../settings/document.ts";
import { valueAt } from "../../settings/explain.ts";
import type { SettingsFault } from "../../settings/fault.ts";
import { IMAGE_BYTES, readNamedFile } from "../../settings/files.ts";

const PATH = ["panic", "image"] as const;

type Why = Pick<SettingsFault, "code" | "found">;

/** Why a file is no image for the board. Undefined: it is one. */
const refusal = (name: string, file: string): Why | undefined => {
  const read = readNamedFile(file, IMAGE_BYTES);
  if ("reason" in read) return { code: read.code, found: `${name}: ${read.reason}` };
  try {
    readFirmware(read.bytes.toString("latin1"));
    return undefined;
  } catch (cause) {
    return { code: "invalid", found: `${name}: ${reasonOf(cause)}` };
  }
};

/** A fault if `panic.image` names a file that is missing, or that no board would start. It is not fatal. */
export const imageFaults = (document: ConfigDocument): SettingsFault[] => {
  const name = valueAt(document.value, PATH);
  if (typeof name !== "string" || name === "") return [];
  const place = document.placeOf(PATH);
  const why = refusal(name, resolve(dirname(place.file), name));
  if (!why) return [];
  const expected = "a firmware image for the panic board";
  return [{ ...place, path: PATH.join("."), ...why, expected, part: "panic-board", fatal: false }];
};
