import { openMessage } from "../open-message.ts";
import { readTopic } from "../topics.ts";
import type { Heard } from "./records.ts";

/** A message of a broker as the console reads it. Never throws. `prefix`: of the topics. */
export const heardMessage = (prefix: string, topic: string, payload: Buffer, retain: boolean): Heard => {
  const where = readTopic(prefix, topic);
  const isOpened = where !== undefined && where.channel !== "silent" && payload.length > 0;
  return { topic, where, retain, payload, opened: isOpened ? openMessage(topic, where, payload) : undefined };
};
