import * as z from "zod";
import { createConnect } from "../../src/dispatch/mqtt.ts";
import type { Connect, Route } from "../../src/dispatch/port.ts";
import { systemTime } from "../../src/runtime/time.ts";

/** What is seen at the connections of a unit. Times are UTC milliseconds. */
export type Sightings = {
  /** A broker has accepted a connection. */
  accepted(): void;
  ended(): void;
  /** A position goes to a broker, live. */
  position(report: Numbered, at: number): void;
  /** A report of an emergency that is open goes to a broker. */
  emergency(episode: string, report: Numbered, at: number): void;
  receipt(receipt: Receipt, at: number): void;
};

const Numbered = z.object({
  store: z.string(),
  seq: z.int(),
  /** Of an emergency. */
  data: z.object({ state: z.string().optional() }),
});
type Numbered = z.infer<typeof Numbered>;

const Receipt = z.object({
  store: z.string(),
  upTo: z.int(),
  missing: z.array(z.tuple([z.int(), z.int()])),
});
export type Receipt = z.infer<typeof Receipt>;

/** The address of a unit on the loopback network. */
export const addressOf = (index: number): string =>
  `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;

const EPISODE = /\/emergency\/([^/]+)$/;

const sight = ({ topic }: Route, payload: Buffer, on: Sightings): void => {
  const episode = EPISODE.exec(topic)?.[1];
  if (payload.length === 0 || (episode === undefined && !topic.endsWith("/position"))) return;
  const report = Numbered.parse(JSON.parse(payload.toString()));
  if (episode === undefined) on.position(report, Date.now());
  else if (report.data.state !== "cleared") on.emergency(episode, report, Date.now());
};

/** The MQTT client of the unit, from an address of the unit's own, with what goes over it. */
export const watchedConnect = (index: number, on: Sightings): Connect => {
  const connect = createConnect(systemTime, undefined, addressOf(index));
  return async (broker, options, events, signal) => {
    const heard: typeof events = {
      ...events,
      message(incoming) {
        if (incoming.topic.endsWith("/receipt")) {
          const receipt = Receipt.safeParse(JSON.parse(incoming.payload.toString()));
          if (receipt.success) on.receipt(receipt.data, Date.now());
        }
        return events.message(incoming);
      },
    };
    const connection = await connect(broker, options, heard, signal);
    on.accepted();
    void connection.closed.then(() => on.ended());
    const publish = connection.publish.bind(connection);
    connection.publish = (route, payload, done) => {
      sight(route, payload, on);
      publish(route, payload, done);
    };
    return connection;
  };
};
