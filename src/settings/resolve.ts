import { isLoopback, listenAddress } from "../domain/address.ts";
import type { ConfigCode, ConfigPart } from "../domain/faults.ts";
import { IGNITION, mapsIgnition } from "../domain/vss.ts";
import type { Blocks } from "./blocks.ts";
import { readCan, type Bus, type CanSettings } from "./can.ts";
import type { Path } from "./document.ts";
import { valueAt, type Issue } from "./explain.ts";
import { readPanic } from "./panic.ts";
import * as schema from "./schema.ts";

type Settings = schema.Settings;

/** A configuration as the unit uses it. A part that is off because of a fault is left out. */
export type UnitSettings = Omit<Settings, "can" | "gps" | "status"> & {
  readonly gps?: Settings["gps"];
  readonly can?: CanSettings;
  /** Without `listen` the unit has no status address. */
  readonly status: { readonly listen?: string; readonly pin?: string | undefined };
};

const DEFAULT_PORT: Readonly<Record<string, string>> = { "mqtt:": "1883", "mqtts:": "8883" };

/** A broker's address in one spelling: with its port, in lower case. Undefined: it is not valid. */
const addressOf = (given: unknown): string | undefined => {
  const broker = schema.Broker.safeParse(given).data;
  if (broker === undefined) return undefined;
  const { protocol, hostname, port } = new URL(broker);
  return `${protocol}//${hostname.toLowerCase()}:${port === "" ? DEFAULT_PORT[protocol] : Number(port)}`;
};

/**
 * Brokers that must not be used although their addresses are valid: those that are listed again (the unit
 * would try the same one twice, and count two of them), and those without TLS.
 */
const brokerConflicts = (raw: unknown): Issue[] => {
  const listed = valueAt(raw, ["brokers"]);
  const addresses = Array.isArray(listed) ? listed.map(addressOf) : [];
  const allowPlaintext = valueAt(raw, ["allowPlaintext"]);
  return addresses.flatMap((address, index): Issue[] => {
    if (address === undefined) return [];
    const at = { path: ["brokers", index], code: "conflict", atKey: false } as const;
    const first = addresses.indexOf(address);
    if (first !== index)
      return [
        { ...at, expected: "another broker", found: `that of brokers[${first}] again`, remedy: "remove it" },
      ];
    if (!address.startsWith("mqtt://") || allowPlaintext === true) return [];
    return [
      {
        ...at,
        expected: "mqtts://host:port",
        found: "mqtt://, which is not encrypted",
        remedy: "use mqtts://, or set dispatch.allowPlaintext: true",
        follows: allowPlaintext !== undefined && allowPlaintext !== false,
      },
    ];
  });
};

/** Faults of `dispatch` that its schema cannot express. */
const dispatchConflicts = (raw: unknown): Issue[] => {
  const issues = brokerConflicts(raw);
  const [cert, key] = [valueAt(raw, ["cert"]), valueAt(raw, ["key"])];
  if ((cert === undefined) === (key === undefined)) return issues;
  const [given, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
  issues.push({
    path: [given],
    code: "conflict",
    expected: `${missing} beside ${given}`,
    found: "nothing",
    remedy: "set both or neither",
    atKey: true,
  });
  return issues;
};

const conflict = (
  blocks: Blocks,
  path: Path,
  part: ConfigPart,
  fault: { code: ConfigCode; expected: string; found: string; remedy: string },
): void => blocks.report([], { path, atKey: false, ...fault }, part);

/** The receiver. If the panic board has the same port, the receiver is off: the board matters more. */
const readGps = (blocks: Blocks, panic: Settings["panic"]): UnitSettings["gps"] => {
  const gps = blocks.read("gps", schema.Gps, "gps");
  if (!gps || typeof panic !== "object" || panic.port !== gps.port) return gps;
  conflict(blocks, ["panic", "port"], "gps", {
    code: "conflict",
    expected: "another device than that of gps.port",
    found: "the same",
    remedy: "give each its own; until then gps is off",
  });
  return undefined;
};

/** The status address. It is off if other machines could reach it without a PIN. */
const readStatus = (blocks: Blocks): UnitSettings["status"] => {
  const { listen, pin } = blocks.readOrDefault("status", schema.Status, "status");
  if (pin !== undefined) return { listen, pin };
  if (isLoopback(listenAddress(listen).host)) return { listen };
  conflict(blocks, ["status", "listen"], "status", {
    code: "no-pin",
    expected: "a loopback address, or status.pin",
    found: `"${listen}" without a pin`,
    remedy: "set status.pin, or listen on 127.0.0.1; until then the status address is off",
  });
  return {};
};

/** The power-off. It is off if the ignition is not mapped. */
const readPower = (blocks: Blocks, can: CanSettings | undefined): Settings["power"] => {
  if (blocks.raw("power") === undefined) return undefined;
  const power = blocks.read("power", schema.Power, "power");
  if (!power || (can && mapsIgnition(can.signals))) return power;
  conflict(blocks, ["power"], "power", {
    code: "no-ignition",
    expected: `a can block that maps the ignition (${IGNITION})`,
    found: can
      ? "no such signal"
      : blocks.raw("can") === undefined
        ? "no can block"
        : "a can block that is off",
    remedy: "map it; until then the computer is never switched off",
  });
  return undefined;
};

/** The settings of a document. */
export type Resolved = {
  /** Undefined: there is no identity or no broker, and the unit cannot do its duty. */
  readonly settings: UnitSettings | undefined;
  /** The bus. Its files can be checked even if `settings` is undefined. */
  readonly bus: Bus | undefined;
};

/** The settings of a document: each block on its own, the cross-checks between them last. */
export const resolveSettings = (blocks: Blocks): Resolved => {
  const unit = blocks.read("unit", schema.Unit, "identity", { required: true });
  const dispatch = blocks.read("dispatch", schema.Dispatch, "link", {
    required: true,
    further: dispatchConflicts(blocks.raw("dispatch")),
  });
  const panic = readPanic(blocks);
  const gps = readGps(blocks, panic);
  const bus = readCan(blocks);
  const can = bus?.settings;
  const power = readPower(blocks, can);
  const others = {
    report: blocks.readOrDefault("report", schema.ReportPolicy, "config"),
    outbox: blocks.readOrDefault("outbox", schema.OutboxFolder, "outbox"),
    status: readStatus(blocks),
    health: blocks.readOrDefault("health", schema.Health, "config"),
    flash: blocks.readOrDefault("flash", schema.Flash, "update"),
  };
  if (!unit || !dispatch) return { settings: undefined, bus };
  const settings = {
    unit,
    dispatch,
    ...others,
    ...(panic === undefined ? {} : { panic }),
    ...(gps ? { gps } : {}),
    ...(can ? { can } : {}),
    ...(power ? { power } : {}),
  };
  return { settings, bus };
};
