import { createConnect } from "../../dispatch/mqtt.ts";
import { refusal } from "../../dispatch/faults.ts";
import { LinkError, PUBACK, type Connection, type LinkFault } from "../../dispatch/port.ts";
import { unitName } from "../../domain/identity.ts";
import { createRoutes, type Routes } from "../../domain/wire.ts";
import { reasonOf } from "../../runtime/log.ts";
import { systemTime } from "../../runtime/time.ts";
import type { UnitSettings } from "../../settings/load.ts";
import { credentialsOf } from "../../unit/credentials.ts";
import { DOCTOR_REPLY_ID } from "../lib/describe.ts";
import { sound, trouble, type Finding } from "./finding.ts";

const BROKER_MS = 10_000;

const BROKER_CURE =
  "the broker's rules must let the unit write its reports, and read commands and acknowledgements: systemd/RUNBOOK.md has the lines";
const BROKER_CURES: Partial<Record<LinkFault, string>> = {
  refused: "is the broker running, and the port right?",
  "unknown-host": "check the name, and that this machine can look up names",
  unreachable: "is there a network, and a route to the broker?",
  timeout: "is there coverage, and does a firewall block the port?",
  certificate: "check dispatch.ca, the broker's certificate, and this machine's clock",
  unauthorised: "check username and password, or the unit's certificate",
  "credentials-unreadable": "put the files there, readable for the service",
  lost: "is it a broker, and the port the one for TLS?",
  failed: "is it a broker, and the port the one for TLS?",
};

/** Dispatch's console shows this as a trial. */
const TRIAL = JSON.stringify({ id: DOCTOR_REPLY_ID, ok: true });

/** Subscribes and publishes. Rejects if the broker refuses either. */
const useConnection = (connection: Connection, routes: Routes): Promise<void> =>
  new Promise((resolve, reject) => {
    const topics = [routes.acks, routes.command];
    connection.subscribe(topics, (codes) => {
      const refused = topics.find((_, n) => codes[n]! >= PUBACK.firstRefusal);
      if (refused !== undefined)
        reject(new Error(`the broker refuses a subscription to ${refused}: ${refusal(Math.max(...codes))}`));
      else
        connection.publish(routes.reply, Buffer.from(TRIAL), (code) => {
          if (code < PUBACK.firstRefusal) resolve();
          else reject(new Error(`the broker refuses to publish on ${routes.reply.topic}: ${refusal(code)}`));
        });
    });
    void connection.closed.then(reject);
  });

/**
 * Tries TLS, credentials, publishing and subscribing. It publishes only on `reply`, so dispatch gets no
 * report.
 */
export const tryBroker = async (broker: string, settings: UnitSettings): Promise<Finding> => {
  const part = `broker ${broker}`;
  const routes = createRoutes(settings.dispatch.prefix, unitName(settings.unit));
  const credentials = credentialsOf(settings);
  try {
    const connection = await createConnect(systemTime)(
      broker,
      { ...credentials, clientId: `${credentials.clientId}.doctor` },
      { message: () => Promise.resolve(), oversize: () => undefined },
      AbortSignal.timeout(BROKER_MS),
    );
    await useConnection(connection, routes).finally(() => connection.end());
    return sound(
      part,
      `MQTT ${connection.version === 5 ? "5" : "3.1.1"}, publishing and subscribing allowed`,
    );
  } catch (cause) {
    const known = cause instanceof LinkError;
    return trouble(part, reasonOf(cause), (known && BROKER_CURES[cause.code]) || BROKER_CURE, known);
  }
};
