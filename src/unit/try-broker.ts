import { refusal } from "../dispatch/faults.ts";
import { LinkError, PUBACK, type Connect, type Connection, type LinkFault } from "../dispatch/port.ts";
import { unitName } from "../domain/identity.ts";
import { DOCTOR_REPLY_ID } from "../domain/messages.ts";
import { createRoutes, type Route, type Routes } from "../domain/wire.ts";
import { reasonOf } from "../runtime/log.ts";
import { errorCode } from "../runtime/system-words.ts";
import type { UnitSettings } from "../settings/load.ts";
import { credentialsOf } from "./credentials.ts";

const BROKER_MS = 10_000;

const BROKER_CURE =
  "the broker's rules must let the unit write its reports, and read commands and acknowledgements: systemd/RUNBOOK.md has the lines";
const BROKER_CURES: Partial<Record<LinkFault, string>> = {
  refused: "is the broker running, and the port right?",
  "unknown-host": "check the name, and that this machine can look up names",
  unreachable: "is there a network, and a route to the broker?",
  timeout: "is there coverage, is it the broker's port, and does a firewall block it?",
  version: "is it a broker? Dispatch must allow MQTT 5 or 3.1.1",
  certificate:
    "is dispatch.ca the CA that signed the broker's certificate? Ask dispatch for it; check this machine's clock",
  unauthorised: "check username and password, or the unit's certificate",
  "credentials-unreadable":
    "dispatch.ca, cert and key must be PEM files that belong together and that user patrol-unit may read",
  lost: "is it a broker, and the port the one for TLS?",
  failed: "is it a broker, and the port the one for TLS?",
};

/** By the code that TLS gives: these need another remedy than the others. */
const TLS_CURES: readonly (readonly [RegExp, string])[] = [
  [/ALTNAME/, "name the broker in dispatch.brokers as its certificate does, or ask dispatch for another one"],
  [/CERTIFICATE_REQUIRED|HANDSHAKE/, "ask dispatch for this unit's certificate and key, and put them there"],
  [/_ALERT_.*(CA|CERTIFICATE)/, "ask dispatch for a certificate that its broker accepts"],
  [/EXPIRED|NOT_YET_VALID/, "compare `date` with the real time; else dispatch must renew the certificate"],
  [/VERSION|LENGTH/, "is it a broker, and the port the one for TLS (often 8883)?"],
];

const cureOf = ({ code, cause }: LinkError): string => {
  const tls = TLS_CURES.find(([pattern]) => pattern.test(String(errorCode(cause))))?.[1];
  return (code === "certificate" ? tls : undefined) ?? BROKER_CURES[code] ?? BROKER_CURE;
};

/** A broker is tried as `doctor` does, for the list of commissioning too. Dispatch's console shows this as a trial. */
const TRIAL = JSON.stringify({ id: DOCTOR_REPLY_ID, ok: true });
/** An id that no episode has. */
const NO_EPISODE = "0".repeat(26);

/** An answer, and the removal of an emergency that never was: a broker may allow one and refuse the other. Dispatch gets no report. */
const trialsOn = (routes: Routes): readonly (readonly [Route, Buffer])[] => [
  [routes.reply, Buffer.from(TRIAL)],
  [{ topic: routes.emergency(NO_EPISODE), retain: true }, Buffer.alloc(0)],
];

const subscribe = (connection: Connection, topics: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    connection.subscribe(topics, (codes) => {
      const refused = topics.find((_, n) => codes[n]! >= PUBACK.firstRefusal);
      if (refused === undefined) resolve();
      else
        reject(new Error(`the broker refuses a subscription to ${refused}: ${refusal(Math.max(...codes))}`));
    });
  });

const publish = (connection: Connection, route: Route, payload: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    connection.publish(route, payload, (code) => {
      if (code < PUBACK.firstRefusal) resolve();
      else reject(new Error(`the broker refuses to publish on ${route.topic}: ${refusal(code)}`));
    });
  });

const tryTopics = async (connection: Connection, routes: Routes): Promise<void> => {
  await subscribe(connection, routes.subscribed);
  // oxlint-disable-next-line no-await-in-loop -- a broker may take one message at a time
  for (const [route, payload] of trialsOn(routes)) await publish(connection, route, payload);
};

/** Subscribes and publishes. Rejects if the broker refuses either, or ends the connection. */
const useConnection = (connection: Connection, routes: Routes): Promise<void> =>
  Promise.race([
    tryTopics(connection, routes),
    connection.closed.then((error) => {
      throw error;
    }),
  ]);

/** A message without the broker's address, which stands beside it already. */
export const withoutAddress = (broker: string, message: string): string =>
  message.startsWith(`${broker}: `) ? message.slice(broker.length + 2) : message;

/**
 * What became of a try. `cure`: what to do; absent: the broker can be used. `isAbsent`: the broker could not be reached,
 * or refused the unit.
 */
export type Tried = { readonly says: string; readonly cure?: string; readonly isAbsent?: boolean };

/**
 * Tries TLS, credentials, publishing and subscribing, without a report to dispatch. `takesBundles`: the unit has a root, and reads `bundle` too. Does not reject for what a broker does.
 */
export const tryBroker = async (
  broker: string,
  settings: UnitSettings,
  connect: Connect,
  takesBundles: boolean,
): Promise<Tried> => {
  const routes = createRoutes(settings.dispatch.prefix, unitName(settings.unit), takesBundles);
  const credentials = credentialsOf(settings);
  try {
    const connection = await connect(
      broker,
      { ...credentials, clientId: `${credentials.clientId}.doctor` },
      { message: () => Promise.resolve(), accepted: () => undefined, oversize: () => undefined },
      AbortSignal.timeout(BROKER_MS),
    );
    await useConnection(connection, routes).finally(() => connection.end());
    // A broker may grant a subscription and drop its messages all the same. With MQTT 3.1.1 it cannot refuse a message.
    const version = connection.version === 5 ? "5" : "3.1.1";
    return { says: `MQTT ${version}, lets the unit in; a drill shows whether a press and its answer pass` };
  } catch (cause) {
    const isKnown = cause instanceof LinkError;
    const says = withoutAddress(broker, reasonOf(cause));
    return { says, cure: isKnown ? cureOf(cause) : BROKER_CURE, isAbsent: isKnown };
  }
};
