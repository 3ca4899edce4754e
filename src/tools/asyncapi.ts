import { stringify } from "yaml";
import * as z from "zod";
import { CATALOGUE } from "../domain/faults.ts";
import {
  AckMessage,
  CommandMessage,
  ReceiptMessage,
  ReplyMessage,
  StateMessage,
} from "../domain/messages.ts";
import {
  EmergencyReport,
  EventReport,
  HealthReport,
  PositionReport,
  VehicleReport,
  WireReport,
} from "../domain/report.ts";
import { WIRE, type Channel } from "../domain/wire.ts";

/** What the wire table does not have about a channel. */
type Content = { readonly summary: string; readonly contentType: string; readonly schema: z.ZodType };

const json = "application/json";
const asJson = (schema: z.ZodType, summary: string): Content => ({ summary, contentType: json, schema });

/** `dispatch.requireSigned`: what it is made of is in config/CONTRACT.md. */
const signable = (schema: z.ZodObject, summary: string): Content => {
  const jws = z.string().optional().describe("the signature: a JWS of topic and message, see CONTRACT.md");
  return asJson(z.object({ ...schema.shape, jws }).describe(schema.description ?? ""), summary);
};

const CONTENTS: Readonly<Record<Channel, Content>> = {
  state: asJson(
    StateMessage,
    "Birth, will and clean stop. Within one `store`, an `offline` whose (`boot`, `connection`) is below the newest birth is stale",
  ),
  position: asJson(PositionReport, "One position, live"),
  vehicle: asJson(VehicleReport, "Vehicle signals, live"),
  emergency: asJson(
    EmergencyReport,
    "An episode as it now stands. Once cleared: the final state, not retained, then an empty retained message",
  ),
  event: asJson(EventReport, "Faults, gaps, power, configuration, commands"),
  health: asJson(HealthReport, "How the unit is"),
  history: {
    schema: WireReport,
    contentType: "application/gzip",
    summary:
      "A batch: gzip (RFC 1952) of NDJSON, one report a line, oldest first. The schema is that of a line",
  },
  ack: signable(AckMessage, "Dispatch answers an emergency"),
  command: signable(
    CommandMessage,
    "Dispatch asks something of the unit, with an MQTT 5 message expiry. Kinds: ping, drill, locate, report, restart",
  ),
  receipt: signable(ReceiptMessage, "What dispatch's recorder has stored. The newest one is retained"),
  reply: asJson(ReplyMessage, "The answer to a command, unless it gave an MQTT 5 Response Topic"),
  bundle: {
    schema: z.string().describe("a JWS in compact form (RFC 7515), made by `bundle`; at most 512 KiB"),
    contentType: "application/jose",
    summary:
      "A signed configuration for the unit. The same one again is no event; an empty message withdraws it",
  },
};

type Row = Content & {
  readonly key: Channel;
  readonly address: string;
  /** From the unit's side. */
  readonly action: "send" | "receive";
  readonly retain: boolean;
  readonly expiryS?: number;
};

const rowOf = (key: Channel): Row => {
  const { path, direction, retain, ...rest } = WIRE[key];
  return {
    key,
    address: path,
    action: direction === "up" ? "send" : "receive",
    retain,
    ...rest,
    ...CONTENTS[key],
  };
};

const CHANNELS: readonly Channel[] = [
  "state",
  "position",
  "vehicle",
  "emergency",
  "event",
  "health",
  "history",
  "ack",
  "command",
  "receipt",
  "reply",
  "bundle",
];
const channels: readonly Row[] = CHANNELS.map((key) => rowOf(key));

/** The codes of `fault` and `recovered` events by part. */
const faultCodes = (): Record<string, string[]> => {
  const codes: Record<string, string[]> = {};
  for (const { part, code } of CATALOGUE) {
    const known = (codes[part] ??= []);
    if (!known.includes(code)) known.push(code);
  }
  return codes;
};

const parameters = (address: string) => ({
  directorate: { description: "police directorate, [a-z0-9][a-z0-9-]{0,31}" },
  unit: { description: "unit within the directorate, [a-z0-9][a-z0-9-]{0,31}" },
  ...(address.includes("{episode}") ? { episode: { description: "a ULID" } } : {}),
});

/** JSON Schema draft 7, which AsyncAPI 3's own schema format extends. */
const payload = (schema: z.ZodType): object => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: "draft-7" });
  return rest;
};

/** The AsyncAPI 3 document of every topic of a unit. */
const asyncApiDocument = (version: string) => ({
  asyncapi: "3.0.0",
  info: {
    title: "patrol-unit",
    version,
    license: { name: "Apache-2.0" },
    description: [
      "What a patrol car's computer publishes to dispatch, and receives from it, over MQTT. QoS 1.",
      "(`unit`, `store`, `seq`) identifies a report. Each `seq` of a store arrives at least once or is",
      "declared in an event of type `gap`. Ignore unknown keys, kinds, types and reasons.",
      "CONTRACT.md beside this file has the rules; systemd/RUNBOOK.md explains the fault codes.",
      "`patrol/v1` stands for the configured prefix.",
    ].join(" "),
  },
  defaultContentType: json,
  channels: Object.fromEntries(
    channels.map((c) => [
      c.key,
      {
        address: `patrol/v1/{directorate}/{unit}/${c.address}`,
        parameters: parameters(c.address),
        messages: { [c.key]: { $ref: `#/components/messages/${c.key}` } },
      },
    ]),
  ),
  operations: Object.fromEntries(
    channels.map((c) => [
      `${c.action}-${c.key}`,
      {
        action: c.action,
        channel: { $ref: `#/channels/${c.key}` },
        summary: c.summary,
        bindings: {
          mqtt: {
            qos: 1,
            retain: c.retain,
            ...(c.expiryS === undefined ? {} : { messageExpiryInterval: c.expiryS }),
            bindingVersion: "0.2.0",
          },
        },
      },
    ]),
  ),
  components: {
    messages: Object.fromEntries(
      channels.map((c) => [
        c.key,
        {
          name: c.key,
          summary: c.summary,
          contentType: c.contentType,
          payload: payload(c.schema),
          ...(c.key === "event" ? { "x-fault-codes": faultCodes() } : {}),
        },
      ]),
    ),
  },
});

/** The AsyncAPI document of the wire, as YAML. `version`: of the release. */
export const asyncApiYaml = (version: string): string =>
  `# Generated from the zod schemas by \`npm run generate\`: do not edit.\n${stringify(asyncApiDocument(version), { aliasDuplicateObjects: false })}`;
