import { networkInterfaces } from "node:os";
import { couldCarry } from "../../bundle/trial.ts";

/** Whether this machine's network could carry a report to one of the brokers now. */
export const couldCarryTo = (brokers: readonly string[]): boolean =>
  couldCarry(
    brokers,
    Object.values(networkInterfaces()).flatMap((one) => one ?? []),
  );
