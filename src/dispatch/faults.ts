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

/** What a broker must allow. It says so in CONNACK (MQTT 5 §3.2.2.3.4 and §3.2.2.3.5), or when it hangs up. */
const NEEDS = {
  qos1: "takes no messages with QoS 1 (Maximum QoS 0): dispatch must allow QoS 1 there",
  retained: "keeps no retained messages (Retain Available 0): dispatch must switch them on there",
} as const;

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
  137: ["failed", "the broker says that it is busy"],
  138: ["unauthorised", "the broker has banned this unit"],
  144: ["unauthorised", "the broker does not accept the topic of this unit's state"],
  151: ["failed", "the broker says that a quota is exceeded"],
  154: ["failed", `the broker ${NEEDS.retained}`],
  155: ["failed", `the broker ${NEEDS.qos1}`],
  156: ["failed", "the broker says that this unit should use another server: ask dispatch for its address"],
  157: ["failed", "the broker says that it has moved: ask dispatch for its new address"],
  159: ["failed", "the broker says that too many connections are made at once"],
};

/** MQTT 5 §3.14.2.1: why a broker disconnects. */
const DISCONNECT_TAKEN_OVER = 0x8e;
/** Codes below give no reason. */
const FIRST_REASON = 0x81;
const DISCONNECTS: Readonly<Record<number, string>> = {
  0x82: "it calls a packet of this unit a protocol error",
  0x87: "it does not let this unit in any more",
  0x89: "it is busy",
  0x8b: "it is shutting down",
  0x8d: "it heard nothing from this unit for too long",
  0x93: "it got more messages at once than it takes",
  0x95: "a packet is too large for it",
  0x96: "it got messages faster than it takes them",
  0x97: "a quota is exceeded",
  0x98: "its administrator ended it",
  0x9a: `it ${NEEDS.retained}`,
  0x9b: `it ${NEEDS.qos1}`,
  0x9c: "this unit should use another server: ask dispatch for its address",
  0x9d: "it has moved: ask dispatch for its new address",
  0x9f: "too many connections are made at once",
  0xa0: "the longest time of a connection is over",
};

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

/** The broker has ended the connection with a DISCONNECT that gives a reason. */
export class DisconnectError extends LinkError {}

/** The broker has ended the connection with a DISCONNECT. */
export const disconnected = (broker: string, reasonCode: number): LinkError => {
  if (reasonCode === DISCONNECT_TAKEN_OVER)
    return new LinkError(
      "taken-over",
      `${broker}: another client has connected with this unit's client id: do two units have the same name?`,
    );
  const hex = `0x${reasonCode.toString(16).padStart(2, "0")}`;
  const words = DISCONNECTS[reasonCode];
  const why = `${broker}: the broker ended the connection (${words === undefined ? hex : `${hex}, ${words}`})`;
  return reasonCode < FIRST_REASON ? new LinkError("lost", why) : new DisconnectError("lost", why);
};

/** Why a broker cannot be used, by what it announces in its CONNACK. Undefined: it can be used. */
export const unsuitable = (
  broker: string,
  announced: { readonly qos1: boolean; readonly retained: boolean },
): LinkError | undefined => {
  const missing = !announced.qos1 ? NEEDS.qos1 : !announced.retained ? NEEDS.retained : undefined;
  return missing === undefined ? undefined : new LinkError("failed", `${broker}: the broker ${missing}`);
};

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
