import * as z from "zod";

/**
 * The reports of contract v1 §3: one source for the types, for validation and for the AsyncAPI
 * document. An object is loose if dispatch must accept further fields of a newer unit. Every key has a
 * description, because the AsyncAPI document is what integrators read.
 */
const isoInstant = z.iso.datetime({ precision: 3 }).describe("UTC, milliseconds");
const count = z.int().nonnegative();

const positionReasons = ["interval", "distance", "heading", "start", "stop", "emergency", "request"] as const;

export const PositionData = z
  .object({
    lat: z.number().min(-90).max(90).describe("degrees WGS 84"),
    lon: z.number().min(-180).max(180).describe("degrees WGS 84"),
    altM: z.number().optional().describe("metres above mean sea level"),
    speedKmh: z.number().nonnegative().optional().describe("km/h over ground"),
    courseDeg: z.number().min(0).lt(360).optional().describe("absent when standing"),
    fix: z.enum(["2d", "3d"]).describe("whether the altitude is known too"),
    quality: z.int().min(1).max(8).optional().describe("GGA fix quality"),
    satellites: count.optional().describe("satellites used"),
    hdop: z.number().nonnegative().optional().describe("horizontal dilution of precision"),
    accuracyM: z.number().nonnegative().optional().describe("metres, horizontal, 1σ"),
    reason: z.enum(positionReasons).describe("why this fix is reported"),
  })
  .describe("One position fix that was worth a report");

const VehicleData = z
  .object({
    signals: z
      .record(z.string(), z.union([z.number(), z.boolean(), z.string()]))
      .describe("COVESA VSS path to value in VSS units; Vehicle.Police.* beyond VSS"),
    stale: z
      .array(z.string())
      .optional()
      .describe("paths whose value is not known now: not received within their time, or received as unknown"),
    evidence: z.ulid().optional().describe("kept from before a press: the episode that it belongs to"),
  })
  .describe("Vehicle signals");

const emergencyPosition = PositionData.omit({ reason: true }).extend({
  ageMs: count.describe("age when the report was made, milliseconds"),
  trusted: z.boolean().describe("at most 10 s old, and exact to 100 m if its accuracy is known"),
});

const EmergencyData = z
  .object({
    episode: z.ulid().describe("names the episode; it is also the last level of the topic"),
    state: z
      .enum(["active", "received", "accepted", "cleared"])
      .describe("active: nobody has acknowledged it; then the last stage that dispatch acknowledged"),
    test: z.boolean().describe("a drill"),
    silent: z.boolean().optional().describe("no sounder"),
    button: z.string().describe("the one that opened the episode"),
    buttons: z.array(z.string()).optional().describe("all that were pressed in this episode"),
    pressedAt: isoInstant.optional().describe("absent if it is not known"),
    heldMs: count
      .optional()
      .describe(
        "milliseconds from the first press to its release; never changes. Absent while it is held, or if the board did not say it",
      ),
    presses: z.int().positive().describe("all presses of this episode"),
    attempt: z.int().positive().describe("+1 for each time this report is published"),
    position: emergencyPosition.optional().describe("the newest position"),
    track: z
      .array(emergencyPosition.partial())
      .max(10)
      .optional()
      .describe("the last positions, oldest first"),
    vehicle: VehicleData.optional().describe("the vehicle's signals when the report was made"),
    by: z.string().optional().describe("who acknowledged it last"),
    ackAt: isoInstant.optional().describe("the time that the acknowledgement gave"),
    shortened: z
      .array(z.string())
      .optional()
      .describe(
        "fields left out because the broker accepts no larger packet, or the memory had no room; a fuller copy of the same seq replaces this one",
      ),
  })
  .describe("An emergency episode as it now stands");

export const PARTS = [
  "gps",
  "can",
  "panic-board",
  "panic-loop",
  "outbox",
  "link",
  "disk",
  "power",
  "status",
  "identity",
  "config",
  "clock",
  "custody",
  "update",
] as const;
export type Part = (typeof PARTS)[number];

export const GAP_REASONS = [
  "retention",
  "corruption",
  "power-cut",
  "superseded",
  "broker",
  "unreceipted",
  "too-large",
] as const;

/** A `gap` lists at most this many kept numbers; a longer one is split. */
export const KEPT_MAX = 500;

const trouble = {
  part: z.enum(PARTS).describe("the part of the unit that it concerns"),
  code: z.string().optional().describe("one word; systemd/RUNBOOK.md explains each"),
  where: z.string().optional().describe("the loop, broker, topic or interface"),
  detail: z.string().describe("what is wrong, as a sentence"),
};

/** The discriminator of an event. `meaning`: what an event of this type says. */
const type = <T extends string>(name: T, meaning: string) => z.literal(name).describe(meaning);

const EventData = z
  .discriminatedUnion("type", [
    z
      .object({
        type: type("gap", "reports are lost"),
        from: z.int().positive().describe("the first number that it declares"),
        to: z.int().positive().describe("the last number that it declares"),
        count: z.int().positive().describe("how many numbers it declares"),
        kept: z
          .array(z.int().positive())
          .max(KEPT_MAX)
          .optional()
          .describe("numbers in from..to that it does not declare: they still come; ascending"),
        reason: z.enum(GAP_REASONS).describe("why they are lost; CONTRACT.md §3 explains each"),
      })
      .describe("Sequence numbers from..to, except those kept, that the unit can no longer vouch for"),
    z
      .object({
        type: type("clock", "the time has become known"),
        boot: z.int().positive().describe("`mono` counts from this start of the service"),
        mono: count.describe("milliseconds since that start"),
        at: isoInstant.describe("UTC at `mono`"),
      })
      .describe("At `mono` of `boot` it was `at`: puts right what was sent with clock unset"),
    z.object({ type: type("fault", "something has begun to fail"), ...trouble }),
    z.object({ type: type("recovered", "it works again"), ...trouble }),
    z.object({
      type: type("boot", "the service has started"),
      version: z.string().describe("of the software"),
      config: z.string().describe("sha256 of the configuration file, hex"),
      vss: z.string().optional().describe("the VSS release that `vehicle` reports follow"),
    }),
    z.object({
      type: type("shutdown", "the service stops cleanly"),
      reason: z.string().describe("why it stops"),
    }),
    z.looseObject({
      type: type("config", "a new configuration counts, was refused, or was taken back"),
      version: z.int().nonnegative().optional().describe("absent if nothing in the bundle can be trusted"),
      ok: z.boolean().optional().describe("whether it counts: dispatch was reached with it"),
      error: z.string().optional().describe("why it was refused or taken back"),
      signer: z.string().optional().describe("the name of the trusted key that signed it"),
      previous: z
        .int()
        .nonnegative()
        .optional()
        .describe("the version before; if it was taken back, the one in force again"),
    }),
    z
      .object({
        type: type("power", "the ignition or the computer's own power changes"),
        what: z
          .enum(["ignition-on", "ignition-off", "power-off", "power-off-cancelled"])
          .describe("what has changed; power-off is announced before it happens"),
        offInS: count
          .optional()
          .describe("seconds until the computer is switched off, unless something is going on"),
        reason: z
          .enum(["press", "emergency", "ignition", "moving"])
          .optional()
          .describe("why it is cancelled"),
      })
      .describe("The ignition, and the computer's own power"),
    z.looseObject({ type: type("command", "a command was run or refused") }),
    z.looseObject({
      type: type("certificate", "the certificate is about to expire; once a day from 30 days before"),
      expiresAt: isoInstant.optional().describe("when it expires"),
      days: z.int().optional().describe("whole days until then; negative: since"),
      request: z.string().optional().describe("a fresh request for the same key, PKCS#10 in PEM"),
    }),
    z.looseObject({
      type: type("commissioning", "a technician has worked through the commissioning list"),
      report: z.string().optional().describe("names the signed report, which is kept on the unit"),
      result: z
        .enum(["passed", "incomplete", "failed"])
        .optional()
        .describe("failed: at least one step failed; incomplete: none failed, but at least one was skipped"),
      sha256: z.string().optional().describe("of the signed report's bytes, hex"),
      technician: z.string().optional().describe("who worked through the list"),
      config: z.string().optional().describe("sha256 of the configuration file, hex"),
      passed: count.optional().describe("steps that passed"),
      failed: count.optional().describe("steps that failed"),
      notFitted: count
        .optional()
        .describe("steps that did not apply: not configured, cannot be tried, or skipped"),
      skipped: count.optional().describe("how many of these the technician skipped"),
      failures: z.array(z.string()).optional().describe("the steps that failed, at most 16 of them"),
      skips: z.array(z.string()).optional().describe("the steps that were skipped, at most 16 of them"),
    }),
    z.looseObject({
      type: type("firmware", "the panic board is programmed; no press is received meanwhile"),
      state: z.enum(["started", "ended"]).optional().describe("of the time without a panic path"),
      maxS: count.optional().describe("seconds that it lasts at most"),
      firmware: z.string().optional().describe("the version before, at the start"),
      seconds: z.number().nonnegative().optional().describe("how long it has lasted, at the end"),
    }),
    z.looseObject({
      type: type("update", "a new version of the software counts, was refused, or was taken back"),
      version: z.string().optional().describe("absent if nothing in the release can be trusted"),
      ok: z.boolean().optional().describe("whether it counts: dispatch was reached with it"),
      error: z
        .string()
        .optional()
        .describe("why it was refused or taken back; without `ok`: why it does not go on"),
      stage: z
        .string()
        .optional()
        .describe("`fetching` or `installing`: that has begun, and a result follows"),
      previous: z
        .string()
        .optional()
        .describe("the version before; if it was taken back, the one in force again"),
    }),
  ])
  .describe("Something that happened");

const ButtonHealth = z
  .object({
    lastPressDays: count
      .optional()
      .describe("days since it was last pressed, really or as a drill; absent if that is not known"),
    watchedDays: count.describe("days since this unit began to watch it"),
  })
  .describe("when the button was last seen to work");

export const HealthData = z
  .object({
    uptimeS: count.describe("seconds since the service started"),
    version: z.string().describe("of the software"),
    config: z.string().describe("sha256 of the configuration file, hex"),
    cpuPercent: z.number().nonnegative().optional().describe("of one core, since the last health"),
    rssMiB: z.number().nonnegative().describe("resident memory of the service"),
    writtenMiB: z.number().nonnegative().optional().describe("written to disk since the service began"),
    diskFreeMiB: z.number().nonnegative().optional().describe("free on the disk of the outbox"),
    outbox: z
      .object({
        records: count.describe("reports that wait for a broker, or for dispatch's receipt"),
        oldestAgeS: count.optional().describe("seconds that the oldest of them has waited"),
        bytes: count.describe("on disk"),
      })
      .describe("what waits on disk for a broker"),
    link: z
      .object({
        broker: z.string().optional().describe("the broker connected to; absent when there is none"),
        reconnects: count.describe("connections after the first, since start"),
        rttMs: z.number().nonnegative().optional().describe("last publish to its PUBACK"),
        fault: z.string().optional().describe("why the last connection failed, one word"),
        custody: z
          .object({
            mode: z
              .enum(["broker", "dispatch"])
              .describe("who is responsible for a report that a broker has acknowledged"),
            by: z.string().optional().describe("the recorder's database whose receipts count"),
            upTo: count.optional().describe("of the newest receipt"),
            receiptAgeS: count
              .optional()
              .describe(
                "seconds since the newest receipt of this boot that counted was written; absent while the time is not known",
              ),
            unreceipted: count.describe("reports that a broker has acknowledged and no receipt covers"),
            ignored: count.optional().describe("receipts that changed nothing, since start; absent if none"),
          })
          .optional()
          .describe("who is responsible for acknowledged reports"),
      })
      .describe("the connection to dispatch"),
    gps: z
      .object({
        fix: z.enum(["none", "2d", "3d"]).describe("of the newest position"),
        satellites: count.optional().describe("satellites used"),
        sentences: count.describe("NMEA sentences read, since start"),
        rejected: z.record(z.string(), count).describe("cause to number, since start"),
        fault: z.string().optional().describe("why no position can be read"),
      })
      .describe("the receiver"),
    can: z
      .looseObject({
        frames: count.describe("frames read, since start"),
        dropped: count.describe("frames lost because they came faster than they were read, since start"),
        state: z.string().describe("of the bus, one word"),
      })
      .optional()
      .describe("the vehicle's bus; absent if none is configured"),
    panicBoard: z
      .looseObject({
        connected: z.boolean().describe("whether it answers"),
        buttons: z
          .record(z.string(), ButtonHealth)
          .optional()
          .describe("by the button's name; absent while the time is not known"),
      })
      .optional()
      .describe("the panic board; absent if none is configured"),
    temperatureC: z.number().optional().describe("of the processor, degrees Celsius"),
    certificateExpiresAt: isoInstant.optional().describe("when the unit's certificate expires"),
  })
  .describe("How the unit is");

const envelope = {
  v: z.literal(1).describe("the format of reports"),
  unit: z.string().describe("directorate/unit"),
  store: z
    .string()
    .optional()
    .describe("the outbox that gave the number, 8 of 0-9 and a-z; absent in reports of contract 1.0"),
  boot: z.int().positive().describe("+1 at each start of the service"),
  seq: z.int().positive().describe("+1 for each report of a store, never reused"),
  at: isoInstant.describe("UTC when it was observed"),
  clock: z.enum(["gnss", "ntp", "unset"]).describe("how far to trust `at`"),
  mono: count.describe("milliseconds since this boot on a clock that never jumps"),
};
const live = z.boolean().describe("false in history and for what waited for the link over 10 s");

const reportOf = <K extends string, D extends z.ZodType>(kind: K, data: D) =>
  z.object({ ...envelope, kind: z.literal(kind).describe("what `data` holds"), live, data });

export const PositionReport = reportOf("position", PositionData);
export const VehicleReport = reportOf("vehicle", VehicleData);
export const EmergencyReport = reportOf("emergency", EmergencyData);
export const EventReport = reportOf("event", EventData);
export const HealthReport = reportOf("health", HealthData);

export const WireReport = z.discriminatedUnion("kind", [
  PositionReport,
  VehicleReport,
  EmergencyReport,
  EventReport,
  HealthReport,
]);

/** A report as dispatch receives it. */
export type WireReport = z.infer<typeof WireReport>;
/** A report as it is stored: `live` is decided when it is sent. */
export type Report = WireReport extends infer R ? (R extends R ? Omit<R, "live"> : never) : never;
/** A report before the outbox has numbered it. Without `mono`: observed now. */
export type Draft = Report extends infer R
  ? R extends { kind: infer K; data: infer D }
    ? { kind: K; data: D; at: number; clock: ClockTrust; mono?: number }
    : never
  : never;
/** An episode as it stands, as a report. */
export type EmergencyUpdate = Extract<Report, { kind: "emergency" }>;
/** The schema of `EmergencyUpdate`, for reports that are read back from disk. */
export const EmergencyUpdate = EmergencyReport.omit({ live: true });
export type EmergencyData = EmergencyUpdate["data"];
export type ReportKind = Report["kind"];
export type ClockTrust = Report["clock"];
export type PositionData = z.infer<typeof PositionData>;
export type EventData = z.infer<typeof EventData>;
export type HealthData = z.infer<typeof HealthData>;
export type GapReason = (typeof GAP_REASONS)[number];
