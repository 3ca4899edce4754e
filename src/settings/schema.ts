import * as z from "zod";
import { IDENTITY_PART } from "../domain/identity.ts";

/**
 * The configuration of one unit (contract v1 §6): one source for validation, types and the JSON
 * Schema in `config/`. Defaults stand here and nowhere else.
 */
const identityPart = z
  .string()
  .regex(IDENTITY_PART, "expected 1 to 32 of a-z, 0-9 and -, not beginning with -");

const portInRange = (address: string): boolean => {
  const port = /:(\d+)$/.exec(address)?.[1];
  return port === undefined || Number(port) <= 65_535;
};
const PORT_FAULT = "expected a port of at most 65535";

const BUTTON = /^[a-z0-9][a-z0-9_-]{0,31}$/;

const seconds = z.number().min(0).max(86_400);

const gpsPort = z
  .string()
  .regex(/^(\/.+|tcp:\/\/[^\s/:]+:\d{1,5})$/, "expected a tty such as /dev/ttyACM0 or tcp://host:port")
  .refine(portInRange, PORT_FAULT);

const tty = z.string().startsWith("/", "expected a tty such as /dev/ttyUSB0");

const broker = z
  .string()
  .regex(
    /^mqtts?:\/\/[^\s/:@]+(:\d{1,5})?$/,
    "expected mqtts://host:port (mqtt:// where plaintext is allowed)",
  )
  .refine(portInRange, PORT_FAULT);

const listen = z
  .string()
  .regex(/^[^\s:]+:\d{1,5}$/, 'expected "address:port", for example "127.0.0.1:8080"')
  .refine(portInRange, PORT_FAULT);

const button = z.strictObject({
  loop: z.int().min(0).max(3).describe("supervised loop of the board"),
  silent: z.boolean().default(false).describe("no sounder"),
  dark: z.boolean().default(false).describe("no lamp either: it goes on looking idle"),
});

const dispatch = z
  .strictObject({
    brokers: z.array(broker).min(1).max(8).describe("in order of preference"),
    prefix: z
      .string()
      .regex(/^[^\s#+/]+(\/[^\s#+/]+)*$/, "expected topic levels without wildcards")
      .default("patrol/v1"),
    ca: z.string().optional().describe("PEM file, relative to this file"),
    cert: z.string().optional().describe("PEM file of the unit's certificate"),
    key: z.string().optional().describe("PEM file of the unit's private key"),
    username: z.string().optional().describe("where certificates are not used"),
    password: z.string().optional(),
    keepaliveS: z.int().min(2).max(3600).default(20),
    maxInFlightKiB: z
      .int()
      .min(4)
      .max(16_384)
      .default(512)
      .describe("history that may be unacknowledged; adapted to the link below that"),
    allowPlaintext: z.boolean().default(false).describe("accept mqtt:// without TLS"),
  })
  .superRefine(
    (value, ctx) => {
      // Asked whatever else is wrong in the block, so that every fault is told in one go.
      const given: { brokers?: unknown; allowPlaintext?: unknown; cert?: unknown; key?: unknown } = value;
      const brokers: readonly unknown[] = Array.isArray(given.brokers) ? given.brokers : [];
      brokers.forEach((url, index) => {
        if (typeof url === "string" && url.startsWith("mqtt://") && given.allowPlaintext !== true) {
          ctx.addIssue({
            code: "custom",
            path: ["brokers", index],
            message: "mqtt:// is not encrypted: use mqtts://, or set dispatch.allowPlaintext: true",
          });
        }
      });
      if ((given.cert === undefined) !== (given.key === undefined)) {
        ctx.addIssue({
          code: "custom",
          path: [given.cert === undefined ? "key" : "cert"],
          message: "cert and key belong together: set both or neither",
        });
      }
    },
    { when: ({ value }) => typeof value === "object" && value !== null },
  );

/** What is no VSS path is told with what was probably meant, when the map is compiled. */
const signals = z.record(
  z.string(),
  z.strictObject({
    from: z.string().describe("MESSAGE.SIGNAL of the database"),
    map: z
      .record(z.string(), z.union([z.number(), z.boolean(), z.string()]))
      .optional()
      .describe("value by label or raw value"),
    deadband: z.number().nonnegative().optional().describe("smaller changes are no report"),
    minIntervalMs: z.number().nonnegative().optional(),
    unit: z
      .string()
      .optional()
      .describe("the signal's unit, where the database does not say it in a known way"),
    staleS: z.number().positive().optional().describe("default: three times the cycle in the database"),
  }),
);

/** What is known of a kind of vehicle: its database and what its signals are called in VSS. */
export const VehicleProfile = z.strictObject({
  database: z.string().describe("DBC file, relative to this file"),
  signals,
});

const Blocks = z.strictObject({
  unit: z.strictObject({ directorate: identityPart, id: identityPart }),
  gps: z.strictObject({
    port: gpsPort,
    baud: z.int().min(300).max(4_000_000).default(9600),
  }),
  can: z
    .strictObject({
      interface: z.string().min(1).max(15),
      profile: z
        .string()
        .optional()
        .describe(
          "a vehicle profile in place of a database, relative to this file: its database and its signals",
        ),
      database: z.string().optional().describe("DBC file, relative to this file"),
      signals: signals.default({}).describe("those of a profile are kept, and can be given anew"),
      airbag: z
        .boolean()
        .default(true)
        .describe("an airbag that fires opens an emergency, where one is mapped"),
    })
    .optional(),
  panic: z
    .union(
      [
        z.literal("none"),
        z.strictObject({
          port: tty,
          buttons: z.record(z.string().regex(BUTTON, "expected a name of a-z, 0-9, - and _"), button),
          baud: z.int().min(300).max(4_000_000).default(57_600),
        }),
      ],
      {
        error: "expected none, or { port: /dev/…, buttons: { NAME: { loop: 0 } } }",
      },
    )
    .optional(),
  report: z
    .strictObject({
      movingS: seconds.default(5).describe("0 reports every fix"),
      distanceM: z.number().positive().default(150),
      headingDeg: z.number().positive().max(180).default(20),
      standingS: seconds.default(300),
      parkedS: seconds.default(900).describe("with the ignition off"),
      emergencyS: seconds.default(1),
    })
    .prefault({}),
  dispatch,
  outbox: z
    .strictObject({
      path: z.string().min(1).default("/var/lib/patrol-unit/outbox"),
      maxMiB: z.int().min(8).default(512),
    })
    .prefault({}),
  power: z
    .strictObject({
      offAfterS: z
        .int()
        .min(300)
        .max(86_400)
        .describe("seconds after the ignition went off until the computer is switched off"),
    })
    .optional()
    .describe("left out: the computer is never switched off"),
  status: z.strictObject({ listen: listen.default("127.0.0.1:8080") }).prefault({}),
  health: z.strictObject({ intervalS: z.number().min(1).max(3600).default(60) }).prefault({}),
});

/** What one block cannot see of another. */
export const Settings = Blocks.superRefine((value, ctx) => {
  const fail = (path: PropertyKey[], message: string) => ctx.addIssue({ code: "custom", path, message });
  if (value.can) {
    const { profile, database } = value.can;
    if (profile === undefined && database === undefined)
      fail(["can"], "expected a database with signals, or a profile");
    if (profile !== undefined && database !== undefined)
      fail(["can", "database"], "the profile brings its own: leave one of them out");
    if (profile === undefined && Object.keys(value.can.signals).length === 0)
      fail(["can", "signals"], "no signal is mapped: name those that matter");
  }
  if (value.power && !value.can)
    fail(["power"], "the ignition is known from the vehicle's bus: there is no can block");
  if (typeof value.panic !== "object") return;
  const { port, buttons } = value.panic;
  if (port === value.gps.port) fail(["panic", "port"], "the same device as gps.port");
  if (Object.keys(buttons).length === 0) fail(["panic", "buttons"], "no button: name those that are wired");
  const taken = new Map<number, string>();
  for (const [name, { loop }] of Object.entries(buttons)) {
    const other = taken.get(loop);
    if (other !== undefined)
      fail(["panic", "buttons", name, "loop"], `loop ${loop} is that of ${other} already`);
    taken.set(loop, name);
  }
});

export type Settings = z.infer<typeof Settings>;
