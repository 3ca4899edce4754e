import type { FaultRow } from "./row.ts";

/** Faults of the link to dispatch. `where` is the broker's address, unless a row says otherwise. */

const LATER = "The unit is `offline`. This event arrives once a broker can be reached.";
const NO_LINK = { lamp: "no-link", dispatch: LATER } as const;

export const LINK = {
  refused: {
    ...NO_LINK,
    sentence: "The host answers, but no broker listens on this port.",
    cause: "The broker is stopped, or the port in `dispatch.brokers` is wrong.",
    remedy: "Check the address. Tell dispatch that the broker is down.",
  },
  "unknown-host": {
    ...NO_LINK,
    sentence: "The broker's name cannot be looked up.",
    cause: "The name is misspelt, or the network has no name server.",
    remedy: "`getent hosts NAME`. Check `dispatch.brokers` and the modem's DNS.",
  },
  unreachable: {
    ...NO_LINK,
    sentence: "There is no network, or no route to the broker.",
    cause: "No coverage, or the modem is down.",
    remedy: "`ip route`. Check modem, SIM card and antenna.",
  },
  timeout: {
    ...NO_LINK,
    sentence: "The broker's host does not answer.",
    cause: "Poor coverage, a firewall, or the host is down.",
    remedy: "Try `ping` to another host. Ask dispatch whether other units are connected.",
  },
  certificate: {
    ...NO_LINK,
    sentence: "TLS failed.",
    cause:
      "`dispatch.ca` does not fit the broker's certificate, a certificate has expired, or this machine's clock is wrong.",
    remedy:
      "`date`. `openssl x509 -in unit.pem -noout -dates`. Compare the host name with the broker's certificate.",
  },
  unauthorised: {
    ...NO_LINK,
    sentence: "The broker does not let this unit in.",
    cause: "User name, password or certificate are not known to the broker, or the unit is banned.",
    remedy:
      "Check `unit`, `dispatch.username` and `dispatch.password`, or the certificate's CN. Ask dispatch for the broker's log.",
  },
  version: {
    ...NO_LINK,
    sentence: "The broker speaks neither MQTT 5 nor MQTT 3.1.1.",
    cause: "Another service listens on this port, or the broker restricts versions.",
    remedy: "Check the port. Ask dispatch to allow MQTT 5 or 3.1.1.",
  },
  "taken-over": {
    ...NO_LINK,
    sentence: "Another client has connected with this unit's client id.",
    cause: "Two units have the same name, or a second service runs with the same configuration.",
    remedy:
      "Compare `unit` in both cars. Stop the second service: until then the answers of dispatch may reach only one of them.",
  },
  stalled: {
    ...NO_LINK,
    sentence: "The connection was open, but nothing got through.",
    cause: "Coverage was lost without an error, or the broker hangs.",
    remedy: "Nothing if it recovers. If it repeats with good coverage, ask dispatch to look at the broker.",
  },
  "no-listener": {
    ...NO_LINK,
    sentence:
      "For a minute no message had a subscriber at this broker. The unit goes on to the next one; if there is none, it stays.",
    dispatch:
      "Nothing is lost: reports wait in the unit, and emergencies go to the other brokers. This event arrives once somebody listens.",
    cause: "Dispatch's consumer is not connected to this broker, or its access rules do not let it read.",
    remedy:
      "Ask dispatch to connect its consumer to this broker. A broker that consumes by rules has no subscribers: `dispatch.noSubscribers: settle`.",
  },
  "small-packets": {
    ...NO_LINK,
    sentence:
      "For a minute a report has waited that is larger than this broker accepts. The unit goes on to another one, which may accept it.",
    dispatch: "Nothing is lost: the report arrives from the next broker, or is declared if none accepts it.",
    cause: "The broker announces a small Maximum Packet Size, or refuses packets as too large.",
    remedy: "Set it to 1 MiB (mosquitto: `max_packet_size`).",
  },
  "emergency-too-large": {
    lamp: "unchanged",
    sentence:
      "No broker accepts a packet as large as an emergency, although all that can be left out of it was.",
    dispatch:
      "No emergency of this car arrives until a broker accepts larger packets. Then it does, by itself.",
    cause: "The brokers announce a Maximum Packet Size that is far too small.",
    remedy:
      "Set it to at least 1,024 bytes (mosquitto: `max_packet_size`), better 1 MiB. Use the radio meanwhile.",
  },
  lost: {
    ...NO_LINK,
    sentence: "The connection to the broker was closed.",
    cause:
      "Coverage was lost, the broker restarted, or it ended the connection for a reason that `detail` gives.",
    remedy: "Nothing if it recovers. Otherwise: is it a broker, and is the port the one for TLS?",
  },
  "credentials-unreadable": {
    ...NO_LINK,
    sentence: "A file that `dispatch.ca`, `cert` or `key` names cannot be read.",
    cause: "The file is missing, or the service's user may not read it.",
    remedy: "`ls -l` the file that `detail` names. Put it there, readable for user patrol-unit.",
  },
  "credentials-kept": {
    lamp: "unchanged",
    sentence:
      "A file that `dispatch.ca`, `cert` or `key` names cannot be used any more. The unit goes on with what it read last. `where` is the file.",
    dispatch: "Nothing changes until the unit is restarted: then it cannot connect.",
    cause: "The file was removed, is being written, or does not belong to the others.",
    remedy: "Put a whole file there, readable for user patrol-unit, before the next restart.",
  },
  failed: {
    ...NO_LINK,
    sentence: "The connection failed for another reason, which `detail` gives.",
    cause: "Often no MQTT broker on this port, TLS on a port without it, or a broker that is not ready.",
    remedy: "Run `doctor`. Check scheme and port in `dispatch.brokers`.",
  },
  "topic-refused": {
    sentence: "The broker refuses one topic. The others go on. `where` is the broker and the topic.",
    lamp: "unchanged",
    dispatch:
      "Nothing arrives on this topic by this broker. It is tried again after 30 s, doubling to 1 h; emergencies every 30 s.",
    cause: "The broker's access rules do not cover the topic.",
    remedy: 'Ask dispatch to correct the rules: "Access rules of the broker" in systemd/RUNBOOK.md.',
  },
  "answers-dropped": {
    sentence: "More than 256 answers to commands waited for the broker. The oldest were dropped.",
    lamp: "unchanged",
    dispatch: "Some commands get no reply. Whether they were run is in their `command` events.",
    cause: "Dispatch sends commands faster than the link carries the answers.",
    remedy: "Ask dispatch to send fewer commands, and to wait for the replies.",
    once: true,
  },
  "copy-left": {
    sentence:
      "The retained message of an ended emergency may be left on a broker that is not configured any more. `where` is the broker and the topic.",
    lamp: "unchanged",
    dispatch: "On that broker the emergency looks as it did when the unit last reached it.",
    cause:
      "The broker was taken out of `dispatch.brokers`, or is written differently there, before the unit could remove the message.",
    remedy:
      "Remove the retained message at the broker, or put the broker back into `dispatch.brokers` as it was: the unit then removes it by itself.",
    once: true,
  },
  oversize: {
    sentence: "A message from dispatch was larger than 1 MiB. It was skipped. `where` is the topic.",
    lamp: "unchanged",
    dispatch: "The message has no effect and no reply.",
    cause: "A wrong message was published to the unit.",
    remedy: "Tell dispatch which topic and when. Nothing to do in the car.",
    once: true,
  },
  unsigned: {
    sentence:
      "A message from dispatch does not count: no key of `dispatch.requireSigned` has signed it. `where` is what it was: `ack`, `command` or `receipt`.",
    lamp: "unchanged",
    dispatch:
      "The message has no effect and no reply: an emergency stays as it was, a command is not run, a receipt covers nothing.",
    cause:
      "Dispatch's recorder or console runs without `--sign`, or with a key that the configuration does not name. Or somebody else publishes at the broker.",
    remedy:
      "Ask dispatch whether it has sent the message. If so: sign with a key of `dispatch.requireSigned`. If not: the broker is not to be trusted.",
    once: true,
  },
} as const satisfies Record<string, FaultRow>;
