import { existsSync } from "node:fs";
import { seenIn } from "../../commissioning/snapshot.ts";
import { createConnect } from "../../dispatch/mqtt.ts";
import { systemTime } from "../../runtime/time.ts";
import { tryBroker } from "../../unit/try-broker.ts";
import { AWAY_MS, SCHEDULED, type WorkPorts } from "../../unit/commissioning/work.ts";
import { askUnit } from "../lib/ask-unit.ts";
import { CommandError, EXIT } from "../lib/command.ts";
import { statusOf, type Car } from "./car.ts";

/** HTTP statuses: the unit refuses now; success. */
const CONFLICT = 409;
const DONE = 204;

/** The unit's refusal; undefined: done. Rejects with a CommandError (69). */
const orderDrill = async ({ address }: Car, method: "POST" | "DELETE"): Promise<string | undefined> => {
  const { status, text } = await askUnit(address, "/drill", method);
  if (status === DONE) return undefined;
  if (status === CONFLICT) return text.trim();
  throw new CommandError(EXIT.unavailable, `no drill: ${text.trim()} (${status})`);
};

/** Works on the running service from another process. What it throws is a CommandError (69). */
export const overHttp = (car: Car, triesPowerOff: boolean): WorkPorts => {
  let heardAt = systemTime.mono();
  return {
    time: systemTime,
    async look() {
      try {
        const status = seenIn(await statusOf(car.address));
        heardAt = systemTime.mono();
        return { kind: "status", status, ...(triesPowerOff ? { scheduled: existsSync(SCHEDULED) } : {}) };
      } catch (cause) {
        const isAway = cause instanceof CommandError && cause.exit === EXIT.unavailable;
        if (!isAway || systemTime.mono() - heardAt > AWAY_MS) throw cause;
        return { kind: "away", why: cause.message };
      }
    },
    tryBroker: (url) => tryBroker(url, car.configuration.settings, createConnect(systemTime), true),
    arm: () => orderDrill(car, "POST"),
    async disarm() {
      await orderDrill(car, "DELETE");
    },
  };
};
