import type { CodeOf, ConfigPart, PartWithRows } from "../../domain/faults.ts";
import type { Snapshot } from "../../domain/snapshot.ts";

type ActiveFault = Snapshot["faults"][number];

/**
 * Decides whether this car can call for help, from one snapshot. `good`: it can. `watch`: it can, and something
 * needs attention. `bad`: a call may not get through.
 */
export type Level = "good" | "watch" | "bad";

/** What a call for help needs, in the order in which the page lists it. */
const DUTIES = ["board", "button", "link", "custody", "position", "disk", "clock", "other"] as const;
type Duty = (typeof DUTIES)[number];

/** Conditions that are not faults of the catalogue. The page has a sentence for each. */
type Condition =
  | "board-silent"
  | "no-buttons"
  | "pressed"
  | "offline"
  | "offline-young"
  | "no-fix"
  | "time-unknown"
  | "certificate-ends"
  | "certificate-ended"
  | "disk-nearly-full";

export type Reason =
  | { readonly kind: "fault"; readonly level: Level; readonly fault: ActiveFault }
  | { readonly kind: "condition"; readonly level: Level; readonly condition: Condition };

/** One line of the list. */
export type Judged = {
  readonly duty: Duty;
  /** The button, for duty `button`. */
  readonly name?: string;
  readonly level: Level;
  /** The worst first. Empty: nothing is wrong. */
  readonly reasons: readonly Reason[];
};

type Levels = {
  readonly [P in PartWithRows]: Readonly<Record<CodeOf<P>, Level>>;
};

/** How much each fault matters for a call. A code without a level is a compile error. */
const LEVELS: Levels = {
  "panic-board": {
    "not-configured": "bad",
    programming: "bad",
    absent: "bad",
    denied: "bad",
    unplugged: "bad",
    silent: "bad",
    "boot-loader": "bad",
    failed: "bad",
    "not-ours": "watch",
    protocol: "watch",
    "reset-by-opening": "watch",
    "supply-low": "watch",
    "lamp-cut": "watch",
    resets: "watch",
  },
  "panic-loop": { open: "bad", short: "bad", stuck: "bad", degraded: "watch", untested: "watch" },
  // While another broker is connected a call gets through; `offline` is a condition of its own.
  link: {
    refused: "watch",
    "unknown-host": "watch",
    unreachable: "watch",
    timeout: "watch",
    certificate: "watch",
    unauthorised: "watch",
    version: "watch",
    "taken-over": "watch",
    stalled: "watch",
    "no-listener": "watch",
    "small-packets": "watch",
    "emergency-too-large": "bad",
    lost: "watch",
    "credentials-unreadable": "watch",
    "credentials-kept": "watch",
    failed: "watch",
    "topic-refused": "watch",
    "answers-dropped": "watch",
    "copy-left": "watch",
    oversize: "watch",
    unsigned: "watch",
  },
  outbox: {
    "disk-full": "watch",
    "disk-read-only": "bad",
    "disk-failing": "bad",
    "vital-file": "watch",
    repaired: "watch",
  },
  custody: { "no-receipts": "watch", unconfirmed: "watch", "second-recorder": "watch", restored: "watch" },
  gps: {
    absent: "watch",
    denied: "watch",
    unplugged: "watch",
    silent: "watch",
    "no-nmea": "watch",
    failed: "watch",
    rollover: "watch",
  },
  can: {
    absent: "watch",
    down: "watch",
    unplugged: "watch",
    "bus-off": "watch",
    "not-listen-only": "watch",
    failed: "watch",
    "not-configured": "watch",
  },
  power: { "not-scheduled": "watch", "not-cancelled": "bad" },
  status: { "cannot-listen": "watch" },
};

const DUTY_OF: Readonly<Record<PartWithRows | ConfigPart, Duty>> = {
  "panic-board": "board",
  "panic-loop": "button",
  link: "link",
  identity: "link",
  custody: "custody",
  gps: "position",
  outbox: "disk",
  can: "other",
  power: "other",
  status: "other",
  config: "other",
  update: "other",
};

const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

/** What an active fault means for a call. A fault that this release does not know needs attention. */
const levelOf = ({ part, code, where }: ActiveFault): Level => {
  // The topics of emergencies are DIRECTORATE/UNIT/emergency/ID.
  if (part === "link" && code === "topic-refused" && where?.includes("/emergency")) return "bad";
  const levels = own<Readonly<Record<string, Level>>>(LEVELS, part);
  return (levels && own(levels, code)) ?? "watch";
};

const dutyOf = ({ part }: ActiveFault): Duty => own<Duty>(DUTY_OF, part) ?? "other";

const RANK: Readonly<Record<Level, number>> = { bad: 0, watch: 1, good: 2 };

const worst = (levels: readonly Level[]): Level =>
  levels.reduce((sofar, level) => (RANK[level] < RANK[sofar] ? level : sofar), "good");

const condition = (name: Condition, level: Level): Reason => ({ kind: "condition", level, condition: name });

/** A young service may still be connecting. */
const YOUNG_S = 20;
const CERTIFICATE_WARNING_MS = 30 * 86_400_000;
const DISK_WARNING_MIB = 50;

/** Conditions of each duty, beside the active faults. `now`: UTC milliseconds, for the certificate. */
const conditionsOf = (duty: Duty, s: Snapshot, now: number): readonly Reason[] => {
  const faulty = s.faults.some((fault) => dutyOf(fault) === duty);
  switch (duty) {
    case "board":
      if (s.panicBoard?.connected || faulty) return [];
      return [condition(s.panicBoard ? "board-silent" : "no-buttons", "bad")];
    case "link": {
      const offline = s.link.broker === undefined;
      const young = s.uptimeS < YOUNG_S && !faulty;
      const ends =
        s.certificateExpiresAt === undefined ? undefined : Date.parse(s.certificateExpiresAt) - now;
      return [
        ...(offline ? [condition(young ? "offline-young" : "offline", young ? "watch" : "bad")] : []),
        ...(ends !== undefined && ends < CERTIFICATE_WARNING_MS
          ? [condition(ends < 0 ? "certificate-ended" : "certificate-ends", "watch")]
          : []),
      ];
    }
    case "position":
      return s.gps.fix === "none" && !faulty ? [condition("no-fix", "watch")] : [];
    case "disk":
      return (s.diskFreeMiB ?? Infinity) < DISK_WARNING_MIB && !faulty
        ? [condition("disk-nearly-full", "watch")]
        : [];
    case "clock":
      return s.clock === "unset" ? [condition("time-unknown", "watch")] : [];
    case "button":
    case "custody":
    case "other":
      return [];
  }
};

const judged = (duty: Duty, reasons: readonly Reason[], name?: string): Judged => ({
  duty,
  ...(name === undefined ? {} : { name }),
  level: worst(reasons.map(({ level }) => level)),
  reasons: reasons.toSorted((a, b) => RANK[a.level] - RANK[b.level]),
});

const reasonsOf = (faults: readonly ActiveFault[]): readonly Reason[] =>
  faults.map((fault) => ({ kind: "fault", level: levelOf(fault), fault }));

/** One line for each button: those with a loop, and any that a fault names. */
const judgeButtons = (s: Snapshot): readonly Judged[] => {
  const faults = s.faults.filter((fault) => dutyOf(fault) === "button");
  const loops = s.panicBoard?.loops ?? {};
  const names = new Set([...Object.keys(loops), ...faults.map(({ where = "?" }) => where)]);
  return Array.from(names, (name) => {
    const reasons = [...reasonsOf(faults.filter(({ where = "?" }) => where === name))];
    if (reasons.length === 0 && loops[name] === "pressed") reasons.push(condition("pressed", "watch"));
    return judged("button", reasons, name);
  });
};

/** Every duty with its level and what is wrong, in the order of `DUTIES`. `now`: UTC milliseconds. */
export const judge = (s: Snapshot, now: number): readonly Judged[] =>
  DUTIES.flatMap((duty) => {
    if (duty === "button") return judgeButtons(s);
    const faults = s.faults.filter((fault) => dutyOf(fault) === duty);
    const reasons = [...reasonsOf(faults), ...conditionsOf(duty, s, now)];
    if (duty === "other" && reasons.length === 0) return [];
    return [judged(duty, reasons)];
  });

/** The verdict on the whole car. */
export const verdict = (list: readonly Judged[]): Level => worst(list.map(({ level }) => level));
