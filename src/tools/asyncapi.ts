import { stringify } from "yaml";
import * as z from "zod";
import { AckMessage, CommandMessage, ReplyMessage, StateMessage } from "../domain/messages.ts";
import {
  EmergencyReport,
  EventReport,
  HealthReport,
  PositionReport,
  VehicleReport,
  WireReport,
} from "../domain/report.ts";

/** One row of contract v1 §2. `action` is from the unit's side. */
type Channel = {
  readonly key: string;
  readonly address: string;
  readonly action: "send" | "receive";
  readonly retain: boolean;
  readonly expiryS?: number;
  readonly summary: string;
  readonly contentType: string;
  readonly schema: z.ZodType;
};

const json = "application/json";

const channels: readonly Channel[] = [
  {
    key: "state",
    address: "state",
    action: "send",
    retain: true,
    contentType: json,
    schema: StateMessage,
    summary: "Birth, will and clean farewell",
  },
  {
    key: "position",
    address: "position",
    action: "send",
    retain: true,
    expiryS: 120,
    contentType: json,
    schema: PositionReport,
    summary: "One position, live",
  },
  {
    key: "vehicle",
    address: "vehicle",
    action: "send",
    retain: true,
    expiryS: 600,
    contentType: json,
    schema: VehicleReport,
    summary: "Vehicle signals, live",
  },
  {
    key: "emergency",
    address: "emergency/{episode}",
    action: "send",
    retain: true,
    contentType: json,
    schema: EmergencyReport,
    summary: "An episode as it now stands; an empty retained message removes it once cleared",
  },
  {
    key: "event",
    address: "event",
    action: "send",
    retain: false,
    contentType: json,
    schema: EventReport,
    summary: "Faults, gaps, power, configuration, commands done",
  },
  {
    key: "health",
    address: "health",
    action: "send",
    retain: true,
    expiryS: 300,
    contentType: json,
    schema: HealthReport,
    summary: "How the unit is",
  },
  {
    key: "history",
    address: "history",
    action: "send",
    retain: false,
    contentType: "application/gzip",
    schema: WireReport,
    summary:
      "A batch: gzip (RFC 1952) of NDJSON, one report a line, oldest first; the schema is that of a line",
  },
  {
    key: "ack",
    address: "emergency/{episode}/ack",
    action: "receive",
    retain: false,
    contentType: json,
    schema: AckMessage,
    summary: "Dispatch answers an emergency",
  },
  {
    key: "command",
    address: "command",
    action: "receive",
    retain: false,
    contentType: json,
    schema: CommandMessage,
    summary: "Dispatch asks something of the unit; MQTT 5 message expiry required",
  },
  {
    key: "reply",
    address: "reply",
    action: "send",
    retain: false,
    expiryS: 600,
    contentType: json,
    schema: ReplyMessage,
    summary: "The answer to a command, or to its MQTT 5 Response Topic",
  },
];

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

/** The AsyncAPI 3 document of everything a unit says and hears. */
const asyncApiDocument = (version: string) => ({
  asyncapi: "3.0.0",
  info: {
    title: "patrol-unit",
    version,
    license: { name: "Apache-2.0" },
    description: [
      "What a patrol car's computer publishes to dispatch and takes from it over MQTT.",
      "QoS 1 throughout. Every report has a `seq`, unique in its unit for ever: each number arrives at",
      "least once or is declared in an event of type `gap`; (`unit`, `seq`) tells duplicates apart.",
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
        { name: c.key, summary: c.summary, contentType: c.contentType, payload: payload(c.schema) },
      ]),
    ),
  },
});

export const asyncApiYaml = (version: string): string =>
  `# Generated from the zod schemas by \`npm run generate\`: do not edit.\n${stringify(asyncApiDocument(version), { aliasDuplicateObjects: false })}`;
