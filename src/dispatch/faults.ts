import { reasonOf } from "../runtime/log.ts";
import { errorCode } from "../runtime/system-words.ts";
import { LinkError, type LinkFault } from "./port.ts";
import { tlsWords } from "./tls.ts";

/** Turns errors of the system, of TLS and of MQTT into a code and a sentence. */

const SYSTEM_FAULTS: Readonly<Record<string, readonly [LinkFault, string]>> = {
  ECONNREFUSED: ["refused", "the host answers but no broker listens there"],
  ENOTFOUND: ["unknown-host", "the host name is not known"],
  EAI_AGAIN: ["unknown-host", "the host name cannot be looked up (no DNS?)"],
  EHOSTUNREACH: ["unreachable", "there is no way to the host"],
  ENETUNREACH: ["unreachable", "there is no network"],
  ETIMEDOUT: ["timeout", "the host does not answer"],
  ECONNRESET: ["lost", "the connection was reset"],
  EPIPE: ["lost", "the connection was closed"],
};

const TLS_FAULT = /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_|EPROTO)/;

/** CONNACK codes: MQTT 3.1.1 table 3.1 (1 to 5) and MQTT 5 §3.2.2.2 (128 and above). */
const CONNACK_FAULTS: Readonly<Record<number, readonly [LinkFault, string]>> = {
  1: ["version", "the broker does not speak this version of MQTT"],
  2: ["unauthorised", "the broker refuses this client id"],
  3: ["failed", "the broker says that its service is unavailable"],
  4: ["unauthorised", "the broker refuses user name or password"],
  5: ["unauthorised", "the broker does not let this unit in"],
  132: ["version", "the broker does not speak this version of MQTT"],
  133: ["unauthorised", "the broker refuses this client id"],
  134: ["unauthorised", "the broker refuses user name or password"],
  135: ["unauthorised", "the broker does not let this unit in"],
  136: ["failed", "the broker says that it is unavailable"],
  138: ["unauthorised", "the broker has banned this unit"],
};

/** MQTT 5 §3.14.2.1: why a broker disconnects. */
const DISCONNECT_TAKEN_OVER = 142;

/** Errors of the MQTT client's parser. */
const NO_MQTT = /^(Invalid header flag bits|Cannot parse|Malformed)/;

/** The fault of a failed or lost connection, without the broker's address. */
export const explain = (thrown: unknown): { readonly code: LinkFault; readonly words: string } => {
  const code = errorCode(thrown);
  const reason = reasonOf(thrown);
  const known = typeof code === "number" ? CONNACK_FAULTS[code] : SYSTEM_FAULTS[code ?? ""];
  if (known) return { code: known[0], words: known[1] };
  if ((typeof code === "string" && TLS_FAULT.test(code)) || /certificate|tls|ssl|pem/i.test(reason))
    return { code: "certificate", words: tlsWords(String(code), thrown) };
  if (/keepalive timeout/i.test(reason)) return { code: "stalled", words: "no answer within the keepalive" };
  if (NO_MQTT.test(reason))
    return { code: "failed", words: `what answers does not speak MQTT (${reason}): is the port right?` };
  return { code: "failed", words: reason };
};

/** The fault of a failed or lost connection to a broker. */
export const classify = (broker: string, thrown: unknown): LinkError => {
  if (thrown instanceof LinkError) return thrown;
  const { code, words } = explain(thrown);
  return new LinkError(code, `${broker}: ${words}`, thrown);
};

/** The broker has ended the connection with a DISCONNECT. */
export const disconnected = (broker: string, reasonCode: number): LinkError =>
  reasonCode === DISCONNECT_TAKEN_OVER
    ? new LinkError(
        "taken-over",
        `${broker}: another client has connected with this unit's client id: do two units have the same name?`,
      )
    : new LinkError("lost", `${broker}: the broker ended the connection (reason ${reasonCode})`);

/** MQTT 5 §3.4.2.1 and §3.9.3: reason codes of PUBACK and SUBACK. */
const REFUSALS: Readonly<Record<number, string>> = {
  0x80: "it gives no reason",
  0x83: "its implementation refuses it",
  0x87: "not authorised: its access rules do not allow it",
  0x8f: "it does not accept the topic filter",
  0x90: "it does not accept the topic name",
  0x95: "the packet is too large for it",
  0x97: "a quota is exceeded",
  0x99: "it expects another payload format",
  0x9e: "it has no shared subscriptions",
  0xa2: "it has no wildcard subscriptions",
};

/** A reason code of 0x80 or above, in words. */
export const refusal = (code: number): string => {
  const hex = `0x${code.toString(16)}`;
  const words = REFUSALS[code];
  return words === undefined ? hex : `${hex}, ${words}`;
};
