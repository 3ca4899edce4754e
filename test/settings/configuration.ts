import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDocument } from "../../src/settings/document.ts";
import { ConfigurationError, faultText } from "../../src/settings/fault.ts";
import { settingsOf } from "../../src/settings/load.ts";

export const faultsOf = (text: string): string[] => {
  try {
    return settingsOf(readDocument(text, "car.yaml")).faults.map(faultText);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.split("\n");
  }
};
/** Without their places. */
export const problemsOf = (text: string): string[] =>
  faultsOf(text).map((fault) => fault.replace(/^car.yaml:\d+:\d+: /, ""));

export const minimal = `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/ttyACM0 }
dispatch: { brokers: ["mqtts://dispatch-a:8883"] }
`;
export const settingsWith = (extra: string, base = minimal) =>
  settingsOf(readDocument(`${base}${extra}\n`, "car.yaml"));
export const dispatchOf = (block: string) => minimal.replace(/dispatch: .*/, `dispatch: ${block}`);

export const DBC = `BO_ 256 Drive: 8 X
 SG_ Speed : 0|16@1+ (0.1,0) [0|250] "km/h" X
 SG_ Kl15 : 16|1@1+ (1,0) [0|1] "" X
`;
export const folderWith = (files: Readonly<Record<string, string | Buffer>>): ((name: string) => string) => {
  const folder = mkdtempSync(join(tmpdir(), "settings-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return (name) => join(folder, name);
};
