import type { Snapshot } from "../domain/snapshot.ts";

/**
 * The snapshot as Prometheus reads it (text format 0.0.4). Names and labels are stable: config/METRICS.md lists them,
 * and a test holds the list against this file. What is not known has no sample: never 0 or NaN.
 */

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;
type Sample = { readonly labels?: Labels; readonly value: number | undefined };

export type Metric = {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly samples: (snapshot: Snapshot) => readonly Sample[];
};

const MIB = 1024 * 1024;
const times = (value: number | undefined, factor: number): number | undefined =>
  value === undefined ? undefined : value * factor;
const flag = (value: boolean | undefined): number | undefined =>
  value === undefined ? undefined : Number(value);

type One = (snapshot: Snapshot) => number | undefined;
const gauge = (name: string, help: string, value: One): Metric => ({
  name,
  type: "gauge",
  help,
  samples: (snapshot) => [{ value: value(snapshot) }],
});
const counter = (name: string, help: string, value: One): Metric => ({
  ...gauge(name, help, value),
  type: "counter",
});
const each = (name: string, help: string, samples: Metric["samples"]): Metric => ({
  name,
  type: "gauge",
  help,
  samples,
});

const FIXES: Readonly<Record<string, number>> = { none: 0, "2d": 2, "3d": 3 };

const countedBy = <T>(items: readonly T[], labelsOf: (item: T) => Labels): Sample[] => {
  const counts = new Map<string, { readonly labels: Labels; value: number }>();
  for (const item of items) {
    const labels = labelsOf(item);
    const key = JSON.stringify(labels);
    const known = counts.get(key);
    if (known) known.value++;
    else counts.set(key, { labels, value: 1 });
  }
  return [...counts.values()];
};

const daysUntil = (instant: string | undefined, now: string | undefined): number | undefined =>
  instant === undefined || now === undefined ? undefined : (Date.parse(instant) - Date.parse(now)) / 1_000;

const UNIT: readonly Metric[] = [
  each("patrol_unit_info", "Always 1; the labels say which unit and software it is.", (s) => [
    { labels: { unit: s.unit, version: s.version }, value: 1 },
  ]),
  gauge("patrol_uptime_seconds", "Since the service started.", (s) => s.uptimeS),
  counter("patrol_boots_total", "Starts of the service in the life of its outbox.", (s) => s.boot),
  gauge("patrol_clock_trusted", "1: the time comes from the receiver or NTP, 0: it is not known.", (s) =>
    flag(s.clock !== "unset"),
  ),
  gauge("patrol_cpu_percent", "Of one core, over the last seconds.", (s) => s.cpuPercent),
  gauge("patrol_resident_memory_bytes", "Resident memory of the service.", (s) => times(s.rssMiB, MIB)),
  gauge("patrol_disk_free_bytes", "Free on the disk of the outbox.", (s) => times(s.diskFreeMiB, MIB)),
  counter("patrol_disk_written_bytes_total", "Written to disk since the service started.", (s) =>
    times(s.writtenMiB, MIB),
  ),
  gauge("patrol_temperature_celsius", "Of the processor.", (s) => s.temperatureC),
  gauge("patrol_certificate_expiry_seconds", "Until the unit's certificate expires; negative: since.", (s) =>
    s.clock === "unset" ? undefined : daysUntil(s.certificateExpiresAt, s.at),
  ),
  each("patrol_faults_active", "Active faults, by part and code.", (s) =>
    countedBy(s.faults, ({ part, code }) => ({ part, code })),
  ),
];

const DISPATCH: readonly Metric[] = [
  each("patrol_outbox_pending", "Reports that wait for a broker or a receipt, by lane.", (s) =>
    Object.entries(s.outbox.lanes ?? {}).map(([lane, value]) => ({ labels: { lane }, value })),
  ),
  gauge("patrol_outbox_records", "Reports that wait, in all.", (s) => s.outbox.records),
  gauge("patrol_outbox_oldest_seconds", "Age of the oldest report that waits.", (s) => s.outbox.oldestAgeS),
  gauge("patrol_outbox_bytes", "The outbox on disk.", (s) => s.outbox.bytes),
  gauge("patrol_outbox_writable", "1: the outbox can be written, 0: it cannot, or is being opened.", (s) =>
    flag(s.outbox.disk === undefined ? undefined : s.outbox.disk === "open"),
  ),
  gauge("patrol_link_connected", "1: a broker is connected and answers.", (s) =>
    flag(s.link.broker !== undefined),
  ),
  counter("patrol_link_reconnects_total", "Connections after the first one.", (s) => s.link.reconnects),
  each("patrol_link_rtt_seconds", "From the last publish to its PUBACK, by broker.", (s) =>
    (s.link.brokers ?? []).map(({ url, rttMs }) => ({ labels: { broker: url }, value: times(rttMs, 0.001) })),
  ),
  gauge("patrol_custody_dispatch", "1: a report stays until dispatch's receipt covers it.", (s) =>
    flag(s.link.custody && s.link.custody.mode === "dispatch"),
  ),
  gauge(
    "patrol_receipt_age_seconds",
    "Since dispatch's newest receipt was written.",
    (s) => s.link.custody?.receiptAgeS,
  ),
  gauge(
    "patrol_unreceipted",
    "Reports that a broker has acknowledged and no receipt covers.",
    (s) => s.link.custody?.unreceipted,
  ),
];

const CAR: readonly Metric[] = [
  gauge("patrol_gps_fix", "0: none, 2: 2d, 3: 3d.", (s) => FIXES[s.gps.fix]),
  gauge("patrol_gps_satellites_used", "Satellites that the fix uses.", (s) => s.gps.satellites),
  gauge(
    "patrol_gps_satellites_in_view",
    "Satellites that the receiver reports.",
    (s) => s.satellites?.length,
  ),
  gauge("patrol_gps_accuracy_metres", "Horizontal, 1 sigma.", (s) => s.position?.accuracyM),
  gauge("patrol_gps_hdop", "Horizontal dilution of precision.", (s) => s.position?.hdop),
  counter("patrol_gps_sentences_total", "NMEA sentences read.", (s) => s.gps.sentences),
  {
    ...each("patrol_gps_rejected_total", "Sentences and fixes that were rejected, by cause.", (s) =>
      Object.entries(s.gps.rejected).map(([cause, value]) => ({ labels: { cause }, value })),
    ),
    type: "counter",
  },
  counter("patrol_can_frames_total", "Frames read from the bus.", (s) => s.can?.frames),
  counter(
    "patrol_can_dropped_total",
    "Frames lost because they came faster than they were read.",
    (s) => s.can?.dropped,
  ),
  gauge(
    "patrol_can_signals_stale",
    "Mapped signals whose value is not known now.",
    (s) => s.can?.signals?.filter(({ stale }) => stale).length,
  ),
  gauge("patrol_board_connected", "1: the panic board answers.", (s) => flag(s.panicBoard?.connected)),
  gauge("patrol_board_supply_volts", "At the panic board.", (s) => times(s.panicBoard?.supplyMv, 0.001)),
  each("patrol_button_last_press_days", "Days since each button was last pressed.", (s) =>
    Object.entries(s.panicBoard?.buttons ?? {}).map(([button, { lastPressDays }]) => ({
      labels: { button },
      value: lastPressDays,
    })),
  ),
  each("patrol_emergencies_open", "Open episodes: real ones and drills.", (s) => {
    const open = s.emergency.episodes.filter(({ state }) => state !== "cleared");
    return ["real", "drill"].map((kind) => ({
      labels: { kind },
      value: open.filter(({ test }) => test === (kind === "drill")).length,
    }));
  }),
  {
    ...each(
      "patrol_episodes_total",
      "Episodes begun since the service started.",
      ({ emergency: { counts } }) =>
        ["real", "drill"].map((kind) => ({
          labels: { kind },
          value: kind === "real" ? counts?.real : counts?.drills,
        })),
    ),
    type: "counter",
  },
  counter(
    "patrol_presses_total",
    "Presses received since the service started.",
    (s) => s.emergency.counts?.presses,
  ),
];

export const METRICS: readonly Metric[] = [...UNIT, ...DISPATCH, ...CAR];

/** A label's value as the text format escapes it. */
const escaped = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');

const labelsText = (labels: Labels | undefined): string => {
  const pairs = Object.entries(labels ?? {}).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
};

/** A snapshot in Prometheus' text format. */
export const metricsOf = (snapshot: Snapshot): string =>
  METRICS.map(({ name, type, help, samples }) => {
    const lines = samples(snapshot).flatMap(({ labels, value }) =>
      value === undefined || !Number.isFinite(value) ? [] : [`${name}${labelsText(labels)} ${value}\n`],
    );
    return lines.length === 0 ? "" : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
  }).join("");
