import type { BrokerFaults } from "../broker.ts";
import type { Dice } from "../random.ts";
import { episodeOf } from "../topics.ts";

/** What a broker refuses, and with which reason code: MQTT 5 §3.4.2.1 and §3.9.3. */
type Refuses = BrokerFaults["refuses"];

const REFUSED_TOPICS = [
  /\/state$/,
  /\/event$/,
  /\/health$/,
  /\/history$/,
  /\/position$/,
  /\/emergency\//,
  /\/command$/,
  /\/ack$/,
];
const REFUSALS = [0x87, 0x97, 0x99, 0x95];

type HangsUp = BrokerFaults["hangsUp"];

export const hangsUpOnBirth: HangsUp = (topic, deed) =>
  deed === "publish" && topic.endsWith("/state") ? "after" : undefined;

/** Some brokers hang up where others refuse, without a reason code. */
export const hangsUpOnOneTopic = (dice: Dice): HangsUp => {
  const topics = dice.pick(REFUSED_TOPICS);
  return (topic) => (topics.test(topic) ? "instead" : undefined);
};

/** One topic is refused, as after a mistake in the access rules. */
export const refusal = (dice: Dice): Refuses => {
  const topics = dice.pick(REFUSED_TOPICS);
  const code = dice.pick(REFUSALS);
  return (topic) => (topics.test(topic) ? code : undefined);
};

/** Everything but emergencies is accepted: a forgotten rule, or a size that only they have. */
export const emergencyRefusal = (dice: Dice): Refuses => {
  const code = dice.pick([0x87, 0x97, 0x95]);
  return (topic, deed) => (deed === "publish" && episodeOf(topic) !== undefined ? code : undefined);
};

/** Nothing is accepted: a quota, or a limit on the size of a packet that it does not announce. */
export const publishRefusal = (dice: Dice): Refuses => {
  const code = dice.pick([0x87, 0x97, 0x95]);
  return (_topic, deed) => (deed === "publish" ? code : undefined);
};

/** Every subscription is refused. */
export const subscribeRefusal = (dice: Dice): Refuses => {
  const code = dice.pick([0x80, 0x87, 0x8f, 0x97]);
  return (_topic, deed) => (deed === "subscribe" ? code : undefined);
};
