import * as z from "zod";
import { IDENTITY_PART } from "../domain/identity.ts";
import { above, block, flag, listenAt, listOf, number, oneOf, text, url, whole } from "./keys.ts";

/**
 * The configuration of one unit (contract 1.1 §6): one source for validation, types and the JSON
 * Schema in `config/`. Defaults are given here and nowhere else. A key whose value is wrong runs with its
 * default; a block that lacks a required key is off.
 */
const DAY_S = 86_400;
const ANY_KM = 1_000_000;
const MAX_BROKERS = 8;

const identityPart = text("1 to 32 of a-z, 0-9 and -, not beginning with -", IDENTITY_PART);
const seconds = number(0, DAY_S);
const baud = whole(300, 4_000_000);

export const Unit = block({
  directorate: identityPart.describe("police directorate, the first part of the unit's name"),
  id: identityPart.describe("vehicle, the second part of the unit's name"),
}).describe("who the unit is; together the MQTT user name and the certificate's CN");

/** A name, an IPv4 address, or an IPv6 address in brackets, which the URL parser then checks. */
const HOST = String.raw`([^\s/:@?#\\[\]]+|\[[0-9A-Fa-f:.]+\])`;

export const Gps = block({
  port: url(
    "a tty such as /dev/ttyACM0 or tcp://host:port",
    new RegExp(String.raw`^(\/.+|tcp:\/\/${HOST}:\d{1,5})$`),
  ).describe("serial device, or tcp://host:port that carries NMEA 0183"),
  baud: baud.default(9600).describe("line speed of a serial receiver"),
}).describe("the GPS receiver");

export const Broker = url(
  "mqtts://host:port or mqtts://[IPv6]:port (mqtt:// only with allowPlaintext: true)",
  new RegExp(String.raw`^mqtts?:\/\/${HOST}(:\d{1,5})?$`),
);

/** SubjectPublicKeyInfo in base64 (RFC 8410): 12 bytes that say which kind of key it is, and 32 bytes. */
const ED25519_KEY = /^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$/;
const MAX_KEYS = 16;

export const Dispatch = block({
  brokers: listOf(Broker, MAX_BROKERS).describe("MQTT brokers in order of preference"),
  prefix: text(
    "topic levels without wildcards that do not begin with $",
    /^[^\s#+/$][^\s#+/]*(\/[^\s#+/]+)*$/,
  )
    .default("patrol/v1")
    .describe("topic levels in front of the unit's name"),
  ca: text("the name of a PEM file")
    .optional()
    .describe("CA certificates for the brokers: PEM file, relative to this file; left out: the system's"),
  cert: text("the name of a PEM file")
    .optional()
    .describe(
      "the unit's certificate: PEM file, relative to this file; left out with --root: that of the identity folder",
    ),
  key: text("the name of a PEM file")
    .optional()
    .describe(
      "the unit's private key: PEM file, relative to this file; left out with --root: that of the identity folder",
    ),
  username: text("text")
    .optional()
    .describe("MQTT user name, if certificates are not used; left out: the unit's name"),
  password: text("text in quotes").optional().describe("MQTT password, if certificates are not used"),
  keepaliveS: whole(2, 3600).default(20).describe("MQTT keep-alive, seconds"),
  maxInFlightKiB: whole(4, 16_384)
    .default(512)
    .describe("most history in flight without acknowledgement, KiB; below that it adapts to the link"),
  custody: oneOf("auto", "broker", "dispatch")
    .default("auto")
    .describe(
      "when a report may be deleted: broker: once a broker has acknowledged it; dispatch: once a receipt of dispatch covers it; auto: like dispatch as soon as there are receipts",
    ),
  noSubscribers: oneOf("retry", "settle")
    .default("retry")
    .describe(
      "what a broker's answer 0x10 (no matching subscribers) means: retry: not delivered, send it again; settle: delivered (for brokers whose rules consume the messages)",
    ),
  requireSigned: listOf(
    text("the line between BEGIN and END of an Ed25519 public key in PEM", ED25519_KEY),
    MAX_KEYS,
  )
    .optional()
    .describe(
      "public keys of dispatch, each the line between BEGIN and END of its PEM file: acknowledgements, commands and receipts count only if one of them has signed them, and `custody: auto` means `dispatch`; left out: no signature is needed",
    ),
  allowPlaintext: flag().default(false).describe("accept mqtt:// without TLS, for a bench"),
}).describe("how dispatch is reached");

/** The VSS path is checked when the map is compiled, which can suggest the right one. */
const signals = z.record(
  z.string(),
  block({
    from: text("MESSAGE.SIGNAL of the database").describe("MESSAGE.SIGNAL of the database"),
    map: z
      .record(
        z.string(),
        z.union([z.number(), z.boolean(), z.string()], { error: "a number, true, false or text" }),
        { error: "a block of values by label or raw value" },
      )
      .optional()
      .describe("value by label or raw value"),
    deadband: number(0, ANY_KM).optional().describe("smaller changes make no report"),
    minIntervalMs: number(0, DAY_S * 1000)
      .optional()
      .describe("shortest time between two reports, milliseconds"),
    unit: text("the name of a unit")
      .optional()
      .describe("the signal's unit, if the database spells it differently or does not have it"),
    staleS: above(0, DAY_S)
      .optional()
      .describe(
        "seconds without the signal until it is stale; left out: three times its cycle in the database, at least 1 s, and no limit for a multiplexed signal",
      ),
    triable: flag()
      .optional()
      .describe(
        "whether commissioning must see the signal change; left out: decided by its path (an airbag cannot be tried)",
      ),
  }),
  { error: "a block of VSS paths" },
);

/** A kind of vehicle: its database, and the VSS paths of its signals. */
export const VehicleProfile = block({
  database: text("the name of a DBC file").describe("DBC file, relative to this file"),
  signals: signals.describe("signals of the database by VSS path"),
});

export const Can = block({
  interface: text("the name of a CAN interface such as can0", /^[^\s/]{1,15}$/).describe(
    "SocketCAN interface; it must be in listen-only mode",
  ),
  listenOnly: oneOf("declared")
    .optional()
    .describe("declared: the adapter cannot report its mode (slcan), but is in listen-only mode"),
  driver: oneOf("native", "socketcan")
    .default("native")
    .describe(
      "native: frames are read many at a time, straight from the kernel; socketcan: by the library of that name, one by one",
    ),
  profile: text("the name of a vehicle profile")
    .optional()
    .describe("vehicle profile instead of a database, relative to this file: its database and its signals"),
  database: text("the name of a DBC file").optional().describe("DBC file, relative to this file"),
  signals: signals
    .default({})
    .describe("signals of the database by VSS path; they replace those of a profile one by one"),
  airbag: flag().default(true).describe("a deployed airbag opens an emergency, if its signal is mapped"),
}).describe("the vehicle's bus, which the unit only reads; left out: no CAN");

const BUTTON_NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;
export const LOOPS = 4;

export const ButtonName = text("a name of a-z, 0-9, - and _", BUTTON_NAME);
export const Loop = whole(0, LOOPS - 1);
export const Tty = text("a tty such as /dev/ttyUSB0", /^\/.+$/);
export const BoardBaud = baud;
export const LampSense = flag();
export const ImageFile = text("the name of a HEX file");
export const TestEveryDays = whole(1, 3_650).default(90);

export const Button = block({
  loop: Loop.describe("supervised loop of the board"),
  silent: flag().default(false).describe("no sounder"),
  dark: flag().default(false).describe("no lamp either: it keeps showing idle"),
});

export const PanicBoard = z
  .strictObject(
    {
      port: Tty.describe("serial device of the panic board"),
      buttons: z
        .record(ButtonName, Button, { error: "a block of buttons such as dash: { loop: 0 }" })
        .describe("buttons by the name that dispatch sees"),
      baud: BoardBaud.optional().describe(
        "line speed of the board that is tried first; left out: 38400, then 57600 for older boards",
      ),
      lampSense: LampSense.default(false).describe(
        "the lamp's return wire has a sense resistor on A6: a cut lamp wire is a fault",
      ),
      testEveryDays: TestEveryDays.describe(
        "days after which a button that nobody has pressed is a fault: press it as a drill",
      ),
      image: ImageFile.optional().describe(
        "firmware that `flash firmware` programs, Intel HEX, relative to this file; left out: that of the release",
      ),
    },
    { error: "none, or a block of port, buttons, baud, lampSense, testEveryDays, image" },
  )
  .describe("the panic board");

export const ReportPolicy = block({
  movingS: seconds.default(5).describe("seconds between positions when moving; 0 reports every fix"),
  distanceM: above(0, ANY_KM).default(150).describe("metres after which a position is reported"),
  headingDeg: above(0, 180).default(20).describe("turn after which a position is reported, degrees"),
  standingS: seconds.default(300).describe("seconds between positions when standing"),
  parkedS: seconds.default(900).describe("seconds between positions with the ignition off"),
  emergencyS: seconds.default(1).describe("seconds between positions while an emergency is open"),
}).describe("when a position is reported");

export const OutboxFolder = block({
  path: text("the name of a folder")
    .default("/var/lib/patrol-unit/outbox")
    .describe("folder of the pending reports, relative to this file, or to the root with --root"),
  maxMiB: whole(8, 16_777_216).default(512).describe("beyond this size the oldest history is deleted"),
}).describe("the store of pending reports");

export const Power = block({
  offAfterS: whole(300, DAY_S).describe(
    "seconds after the ignition went off until the computer is switched off",
  ),
}).describe("switches the computer off after the ignition, which must be mapped; left out: never");

export const Status = block({
  listen: listenAt(
    'address:port in quotes, for example "127.0.0.1:8080"',
    /^([^\s:[\]]+|\[[0-9a-fA-F:.]+\]):\d{1,5}$/,
  )
    .default("127.0.0.1:8080")
    .describe("address at which the unit answers for its status; one that is not loopback needs pin"),
  pin: text("4 to 64 characters in quotes", /^[\x21-\x7e]{4,64}$/)
    .optional()
    .describe("required from other machines that read the status"),
}).describe("where the unit answers for its status");

export const Health = block({
  intervalS: number(1, 3600).default(60).describe("seconds between two health reports"),
}).describe("the unit's reports about itself");

export const Flash = block({
  trialS: whole(10, DAY_S)
    .default(300)
    .describe("seconds within which a new configuration must reach dispatch, or the unit goes back"),
}).describe("trial of a new configuration");

export const Settings = z.strictObject({
  unit: Unit,
  gps: Gps,
  can: Can.optional(),
  panic: z
    .union([z.literal("none"), PanicBoard])
    .optional()
    .describe("the panic board; none: the car has none; left out: a fault at start"),
  report: ReportPolicy.prefault({}),
  dispatch: Dispatch,
  outbox: OutboxFolder.prefault({}),
  power: Power.optional(),
  status: Status.prefault({}),
  health: Health.prefault({}),
  flash: Flash.prefault({}),
});

/** A configuration without a fault. */
export type Settings = z.infer<typeof Settings>;
