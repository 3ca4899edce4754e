import { isoInstant } from "../domain/time.ts";
import { VERSION } from "../domain/version.ts";
import type { Time } from "../runtime/ports.ts";
import type { Compose } from "../wire/signed.ts";
import type { Receipt } from "./ledger.ts";
import type { Outgoing } from "./mqtt/outbound.ts";
import type { SilentUnit } from "./store.ts";
import { ackTopic, receiptTopic, silentTopic, stateTopic } from "./topics.ts";

/** What a recorder publishes, in the form of contract §2. */

/** `compose`: of what units act on, signed or not. */
export type Sender = {
  readonly name: string;
  readonly prefix: string;
  readonly database: string;
  readonly compose: Compose;
};

const message = (topic: string, content: object | undefined, retain: boolean): Outgoing => ({
  topic,
  slot: topic,
  payload: Buffer.from(content === undefined ? "" : JSON.stringify(content)),
  retain,
});

/** Whether the recorder is connected. `at`: UTC milliseconds; absent in the will. `reason`: of a clean stop. */
export const stateMessage = (
  { name, prefix, database }: Sender,
  state: "online" | "offline",
  at?: number,
  reason?: string,
): Outgoing => {
  const content = {
    state,
    recorder: name,
    by: database,
    version: VERSION,
    ...(reason === undefined ? {} : { reason }),
    ...(at === undefined ? {} : { at: isoInstant(at) }),
  };
  return message(stateTopic(prefix, name), content, true);
};

export const receiptMessage = ({ prefix, compose }: Sender, unit: string, receipt: Receipt): Outgoing => {
  const topic = receiptTopic(prefix, unit);
  return { topic, slot: topic, payload: compose(topic, receipt), retain: true };
};

/** What dispatch says of an emergency. */
export type Ack = {
  readonly unit: string;
  readonly episode: string;
  readonly stage: "received" | "accepted" | "cleared";
  readonly by: string;
};

export const ackMessage = (
  { prefix, compose }: Sender,
  { unit, episode, stage, by }: Ack,
  time: Time,
): Outgoing => {
  const topic = ackTopic(prefix, unit, episode);
  const payload = compose(topic, { stage, by, at: isoInstant(time.host()) });
  return { topic, slot: `${topic} ${stage}`, payload, retain: false };
};

/** Contract §5: dispatch's system has the emergency. */
export const receivedMessage = (sender: Sender, unit: string, episode: string, time: Time): Outgoing =>
  ackMessage(sender, { unit, episode, stage: "received", by: `recorder ${sender.name}` }, time);

/** `silent`: undefined removes it. */
export const silentMessage = ({ prefix }: Sender, unit: string, silent: SilentUnit | undefined): Outgoing => {
  const content = silent && {
    since: isoInstant(silent.since),
    last: isoInstant(silent.last),
    expectedS: Math.round(silent.expectedS),
  };
  return message(silentTopic(prefix, unit), content, true);
};
