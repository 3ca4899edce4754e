import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BUS_SIGNALS } from "./bus.ts";

/** The unit's configuration and files in the demo's folder. */

export const BUS = "demo0";
const DATABASE = "patrol-car.dbc";

/** The database of the demo's car: in a checkout beside this file, or beside the bundle. */
const databaseFile = (): string => {
  const name = join("src", "demo", DATABASE);
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, name))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`${name} is missing: is the installation complete?`);
    folder = parent;
  }
  return join(folder, name);
};

export const gpsLink = (folder: string): string => join(folder, "gps");
export const boardLink = (folder: string): string => join(folder, "panic");
export const settingsFile = (folder: string): string => join(folder, "patrol-unit.yaml");

/** `brokerPort`: the end of the relay that the car sees. `pagePort`: of the unit's page; 0: any that is free. */
export const writeCarSettings = (folder: string, brokerPort: number, pagePort: number): void => {
  copyFileSync(databaseFile(), join(folder, DATABASE));
  writeFileSync(
    settingsFile(folder),
    `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: ${JSON.stringify(gpsLink(folder))}, baud: 9600 }
can:
  interface: ${BUS}
  database: ${DATABASE}
  signals:${BUS_SIGNALS}
panic: { port: ${JSON.stringify(boardLink(folder))}, buttons: { dash: { loop: 0 } } }
report: { movingS: 2 }
dispatch: { brokers: ["mqtt://127.0.0.1:${brokerPort}"], allowPlaintext: true, keepaliveS: 10 }
outbox: { path: ${JSON.stringify(join(folder, "outbox"))} }
status: { listen: "127.0.0.1:${pagePort}" }
`,
    { mode: 0o600 },
  );
};
