import type { List } from "../../commissioning/list.ts";
import { systemTime } from "../../runtime/time.ts";
import { finish, ReportError, type Finished } from "../../unit/commissioning/finish.ts";
import { askUnit } from "../lib/ask-unit.ts";
import { CommandError, EXIT } from "../lib/command.ts";
import { lockRoot } from "../lib/root.ts";
import { statusOf, type Car } from "./car.ts";

/** Ends a list: the report is signed, kept, and handed to the service. */

const DONE = 204;

/** Signs and keeps the report of a list. Throws a CommandError. */
export const finishCar = async (car: Car, list: List, technician: string): Promise<Finished> => {
  using _lock = await lockRoot(car.root);
  const snapshot = await statusOf(car.address);
  const config = car.configuration.sha256;
  try {
    return await finish(car, car, { list, technician, snapshot, config, mono: systemTime.mono() });
  } catch (cause) {
    if (cause instanceof ReportError) throw new CommandError(EXIT.failed, cause.message, cause);
    throw cause;
  }
};

/** Hands the signed report to the service, which tells dispatch. Throws a CommandError if it does not accept it. */
export const handOver = async ({ address }: Car, signed: string): Promise<void> => {
  const { status, text } = await askUnit(
    address,
    "/commissioning",
    "POST",
    JSON.stringify({ report: signed }),
  );
  if (status !== DONE)
    throw new CommandError(EXIT.failed, `dispatch is not told: ${text.trim()} (${status})`);
};
