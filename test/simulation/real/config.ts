import { compileMapping, type CanMapping } from "../../../src/decode/can/mapping.ts";
import { parseDbc } from "../../../src/decode/dbc/parser.ts";
import { readDocument } from "../../../src/settings/document.ts";
import { settingsOf, type UnitSettings } from "../../../src/settings/load.ts";
import { BUS_DATABASE, type Signals } from "../bus.ts";

/** The configuration of a simulated car, as a file would have it. */
export type CarOptions = {
  readonly brokers: readonly string[];
  readonly signals: Signals;
  /** The second button makes no sound, or shows nothing at all. */
  readonly secondButton: "loud" | "silent" | "dark";
};

const IGNITION = "Vehicle.LowVoltageSystemState";

const yamlOf = ({ brokers, signals, secondButton }: CarOptions): string => `
unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/ttyACM0 }
dispatch: { brokers: ${JSON.stringify(brokers)}, username: zr-117, password: "secret" }
outbox: { path: /simulated/outbox, maxMiB: 8 }
can: { interface: can0, database: car.dbc, signals: ${JSON.stringify(signals)} }
panic:
  port: /dev/ttyUSB0
  buttons:
    dash: { loop: 0 }
    belt: { loop: 1, ${secondButton === "loud" ? "silent: false" : `${secondButton}: true`} }
${IGNITION in signals ? "power: { offAfterS: 300 }" : ""}
`;

/** The settings, and the signal map compiled for the simulated bus. Throws if either has a fault. */
export const configure = (car: CarOptions): { settings: UnitSettings; mapping: CanMapping } => {
  const { settings, faults } = settingsOf(readDocument(yamlOf(car), "simulated.yaml"));
  const mapping = compileMapping(car.signals, parseDbc(BUS_DATABASE, "car.dbc"));
  if (!settings || faults.length > 0) throw new Error(`the configuration: ${JSON.stringify(faults)}`);
  if (!("read" in mapping)) throw new Error(`the signal map: ${JSON.stringify(mapping)}`);
  return { settings, mapping };
};
