import type { CarDetails, CarSummary, TrackPoint } from "../../domain/fleet.ts";
import type { Car, Dated } from "./car.ts";
import type { PlaceData } from "./data.ts";
import { missingCount, numbersView } from "./numbers.ts";
import { timeOf } from "./stamp.ts";

/** What the page shows of a car. Pure. */

const openFaults = (car: Car) => [...car.faults.values()].filter(({ data }) => data.type === "fault");

const linkOf = ({ silent, state, health }: Car): Pick<CarSummary, "link" | "linkDetail"> => {
  if (silent) return { link: "silent" };
  if (!state) return { link: "unknown" };
  if (state.state === "offline") return { link: "offline", linkDetail: state.reason };
  return { link: "online", linkDetail: health?.data.link?.fault };
};

const BOARD_PARTS: ReadonlySet<string> = new Set(["panic-board", "panic-loop"]);

const boardOf = (car: Car): Pick<CarSummary, "board" | "boardDetail"> => {
  const fault = openFaults(car).find(({ data }) => BOARD_PARTS.has(data.part));
  if (fault) return { board: "fault", boardDetail: fault.data.code ?? fault.data.detail };
  if (!car.health) return { board: "unknown" };
  const board = car.health.data.panicBoard;
  if (!board) return { board: "none" };
  return { board: board.connected ? "ok" : "fault" };
};

/** What an open emergency of the car says of it. */
export type Alarm = {
  readonly emergency: CarSummary["emergency"];
  /** Where the car was; shown if no position report of it has come. */
  readonly position?: CarSummary["position"];
  /** Open episodes that are hidden, if there are any. */
  readonly unshown?: CarSummary["unshown"];
};

/** The car's newest position, as the page shows it. */
const placeOf = ({ position, corrections }: Car): CarSummary["position"] => {
  if (!position) return undefined;
  const { at, isKnown } = timeOf(position.stamp, corrections);
  return { ...position.data, at, isTimeKnown: isKnown };
};

export const summaryOf = (car: Car, { emergency, position, unshown }: Alarm): CarSummary => {
  const { unit, heardAt } = car;
  return {
    unit,
    heardAt,
    ...linkOf(car),
    ...boardOf(car),
    position: placeOf(car) ?? position,
    missing: car.numbers.reduce((sum, numbers) => sum + missingCount(numbers), 0),
    faults: openFaults(car).length,
    emergency,
    ...(unshown === undefined ? {} : { unshown }),
  };
};

const pointOf = (car: Car, { stamp, data }: Dated<PlaceData>, before: Dated<PlaceData> | undefined) => {
  const ledger = car.numbers.find(({ store }) => store === stamp.store)?.ledger;
  const isGap =
    before?.stamp.store === stamp.store &&
    stamp.seq > before.stamp.seq + 1 &&
    (ledger?.missing.within(before.stamp.seq + 1, stamp.seq - 1).length ?? 0) > 0;
  const point: TrackPoint = { ...data, at: timeOf(stamp, car.corrections).at };
  return isGap ? { ...point, isGap } : point;
};

export const detailsOf = (car: Car, alarm: Alarm): CarDetails => {
  const { state, silent, vehicle, health, corrections } = car;
  return {
    car: summaryOf(car, alarm),
    state: state && {
      state: state.state,
      reason: state.reason,
      version: state.version,
      store: state.store ?? "",
      boot: state.boot,
      connection: state.connection ?? 0,
    },
    silent,
    vehicle: vehicle && { at: timeOf(vehicle.stamp, corrections).at, ...vehicle.data },
    health: health && {
      at: timeOf(health.stamp, corrections).at,
      values: health.data.values,
    },
    faults: openFaults(car).map(({ stamp, data: { part, code, where, detail } }) => ({
      part,
      code,
      where,
      detail,
      at: timeOf(stamp, corrections).at,
    })),
    numbers: car.numbers.map(numbersView),
    track: car.track.map((one, i) => pointOf(car, one, car.track[i - 1])),
  };
};
