import type { StateMessage } from "../../domain/messages.ts";
import { isStale, type Place } from "../cadence.ts";
import type { Accepted, StoredReport } from "../report.ts";
import { cut } from "./cut.ts";
import { BootData, FaultData, HealthData, PlaceData, VehicleData } from "./data.ts";
import { declaredLost, noNumbers, sawNumber, type Numbers } from "./numbers.ts";
import { stampOf, withCorrection, type Correction, type Stamp } from "./stamp.ts";

/** What the console knows of one car. It never changes: each message makes a new one. Pure. */
export type Car = {
  readonly unit: string;
  /** When a message of the unit came last, UTC milliseconds of this machine; retained ones do not count. */
  readonly heardAt: number | undefined;
  /** Of the newest birth, raised by what came live since. */
  readonly place: Place | undefined;
  readonly state: StateMessage | undefined;
  readonly silent: { readonly since: number; readonly last: number; readonly expectedS: number } | undefined;
  readonly position: Dated<PlaceData> | undefined;
  readonly vehicle: Dated<VehicleData> | undefined;
  readonly health: Dated<HealthData> | undefined;
  /** Open and closed ones, by part, code and place. */
  readonly faults: ReadonlyMap<string, CarFault>;
  readonly corrections: readonly Correction[];
  readonly numbers: readonly Numbers[];
  /** Oldest first. */
  readonly track: readonly Dated<PlaceData>[];
};
type VehicleData = ReturnType<typeof VehicleData.parse>;
type HealthData = ReturnType<typeof HealthData.parse>;
export type Dated<T> = { readonly stamp: Stamp; readonly data: T };
type CarFault = Dated<ReturnType<typeof FaultData.parse>>;

/** Outboxes of a unit whose numbers are counted. Beyond it the one heard first goes. */
const STORES = 2;
/** Positions that are kept of a car. Beyond it the oldest go. */
const TRACK = 120;
/** Faults of a car. Beyond it closed ones go first, then the oldest. */
const FAULTS = 64;

export const newCar = (unit: string): Car => ({
  unit,
  heardAt: undefined,
  place: undefined,
  state: undefined,
  silent: undefined,
  position: undefined,
  vehicle: undefined,
  health: undefined,
  faults: new Map(),
  corrections: [],
  numbers: [],
  track: [],
});

/** How a report came: on its live topic, as the broker's retained copy, or in a batch of `history`. */
export type Way = "live" | "retained" | "history";

/** Of the version and of the reason of a stop so many letters are kept. */
const WORD_LETTERS = 200;

/** Birth, will or farewell. A stale one changes nothing (contract §2). */
export const afterState = (car: Car, said: StateMessage): Car => {
  const state = {
    ...said,
    version: cut(said.version, WORD_LETTERS),
    ...(said.store === undefined ? {} : { store: cut(said.store, WORD_LETTERS) }),
    ...(said.reason === undefined ? {} : { reason: cut(said.reason, WORD_LETTERS) }),
  };
  if (isStale(car.place, state)) return car;
  const { store = "", boot, connection = 0 } = state;
  return { ...car, state, place: { store, boot, connection } };
};

/** Whether a stamp is newer than the shown one. Times can be wrong, so numbers count where they can. */
const isNewer = (car: Car, shown: Stamp | undefined, { store, life, boot, seq, at }: Stamp): boolean => {
  if (!shown) return true;
  if (store === shown.store) {
    if (life !== shown.life) return life > shown.life;
    // Of two starts of which one was not counted nobody knows the order: what comes later counts.
    return boot !== shown.boot || seq > shown.seq;
  }
  if (car.place?.store === store) return true;
  return car.place?.store !== shown.store && at > shown.at;
};

/** Only a birth moves a unit that is known to another start or store. */
const withPlace = (car: Car, { store, boot }: StoredReport): Car =>
  car.place ? car : { ...car, place: { store, boot, connection: 0 } };

const stampIn = ({ place }: Car, report: StoredReport): Stamp => {
  const stamp = stampOf(report);
  return place?.store === report.store ? { ...stamp, life: Math.min(report.boot, place.boot) } : stamp;
};

const byNumber = (a: Dated<unknown>, b: Dated<unknown>): number =>
  a.stamp.store === b.stamp.store ? a.stamp.seq - b.stamp.seq : a.stamp.at - b.stamp.at;

const withPosition = (car: Car, stamp: Stamp, data: PlaceData, way: Way): Car => {
  const one = { stamp, data };
  const last = car.track.at(-1);
  const isLast = !last || byNumber(last, one) < 0;
  const track = (isLast ? [...car.track, one] : [...car.track, one].toSorted(byNumber)).slice(-TRACK);
  // `history` never moves a live marker.
  const moves = way !== "history" && isNewer(car, car.position?.stamp, stamp);
  return { ...car, track, position: moves ? one : car.position };
};

const bounded = (faults: Map<string, CarFault>): Map<string, CarFault> => {
  if (faults.size <= FAULTS) return faults;
  const closed = [...faults].find(([, { data }]) => data.type === "recovered");
  faults.delete((closed ?? [...faults][0]!)[0]);
  return faults;
};

const withFault = (car: Car, stamp: Stamp, data: CarFault["data"]): Car => {
  const key = JSON.stringify([data.part, data.code, data.where]);
  const known = car.faults.get(key);
  if (known && !isNewer(car, known.stamp, stamp)) return car;
  const faults = new Map(car.faults);
  faults.delete(key);
  return { ...car, faults: bounded(faults.set(key, { stamp, data })) };
};

/** A start of the service: it reports again what is faulty. */
const withBoot = (car: Car, stamp: Stamp): Car => ({
  ...car,
  faults: new Map([...car.faults].filter(([, known]) => !isNewer(car, known.stamp, stamp))),
});

const withEvent = (car: Car, stamp: Stamp, data: unknown): Car => {
  const fault = FaultData.safeParse(data).data;
  if (fault) return withFault(car, stamp, fault);
  return BootData.safeParse(data).success ? withBoot(car, stamp) : car;
};

const withData = (car: Car, report: StoredReport, way: Way): Car => {
  const stamp = stampIn(car, report);
  const data: unknown = JSON.parse(report.data);
  if (report.kind === "event") return withEvent(car, stamp, data);
  if (report.kind === "position") {
    const place = PlaceData.safeParse(data).data;
    return place ? withPosition(car, stamp, place, way) : car;
  }
  if (way === "history") return car;
  if (report.kind === "vehicle" && isNewer(car, car.vehicle?.stamp, stamp)) {
    const vehicle = VehicleData.safeParse(data).data;
    return vehicle ? { ...car, vehicle: { stamp, data: vehicle } } : car;
  }
  if (report.kind === "health" && isNewer(car, car.health?.stamp, stamp)) {
    const health = HealthData.safeParse(data).data;
    return health ? { ...car, health: { stamp, data: health } } : car;
  }
  return car;
};

const BEGINNING: ReadonlySet<string> = new Set(["position", "vehicle", "health"]);

/**
 * Counts a report's number. Undefined: the report came before. Counting begins with telemetry that came live: an
 * emergency or an event may be a repetition of an older number.
 */
const counted = (car: Car, { report, meaning }: Accepted, way: Way): Car | undefined => {
  const { store, seq, kind } = report;
  const known = car.numbers.find((numbers) => numbers.store === store) ?? noNumbers(store);
  const seen = sawNumber(known, seq, way === "live" && report.live && BEGINNING.has(kind));
  if (!seen) return undefined;
  const next = meaning.kind === "gap" ? declaredLost(seen, meaning.gap) : seen;
  const others = car.numbers.filter((numbers) => numbers !== known);
  return { ...car, numbers: [...others, next].slice(-STORES) };
};

/** A report of the car. One that came before (same unit, store and number) changes nothing. */
export const afterReport = (car: Car, accepted: Accepted, way: Way): Car => {
  const { report, meaning } = accepted;
  const next = counted(car, accepted, way);
  if (!next) return car;
  const placed = way === "live" ? withPlace(next, report) : next;
  const { store } = report;
  const timed =
    meaning.kind === "clock"
      ? { ...placed, corrections: withCorrection(placed.corrections, { store, ...meaning.correction }) }
      : placed;
  return withData(timed, report, way);
};
