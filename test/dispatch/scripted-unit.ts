import type { Socket } from "node:net";
import { createConnect } from "../../src/dispatch/mqtt.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { waitFor } from "../journeys/car.ts";
import { openLink } from "./link-bench.ts";
import { emergency } from "./reports.ts";
import {
  CONNACK,
  CONNECT,
  idOf,
  puback,
  PUBLISH,
  startScripted,
  suback,
  SUBSCRIBE,
  type Packet,
  type ScriptedBroker,
} from "./scripted-broker.ts";

export type Answer = (one: Packet, socket: Socket) => void;

const topicOf = ({ body }: Packet): string => body.subarray(2, 2 + body.readUInt16BE(0)).toString();
export const isEmergency = (one: Packet): boolean =>
  one.type === PUBLISH && topicOf(one).includes("/emergency/");

/** Accepts the unit and its subscriptions, and answers what it publishes. */
export const accepting =
  (published: Answer): Answer =>
  (one, socket) => {
    if (one.type === CONNECT) socket.write(CONNACK);
    if (one.type === SUBSCRIBE) socket.write(suback(idOf(one), ...(one.body.length > 60 ? [1, 1] : [1])));
    if (one.type === PUBLISH) published(one, socket);
  };
export const healthy: Answer = accepting((one, socket) => void socket.write(puback(idOf(one), 0)));

/** A unit whose only broker has one address for each script, in this order. */
export const openUnit = async (scripts: readonly Answer[]) => {
  await using stack = new AsyncDisposableStack();
  const at = (n: number) => `127.0.0.${n + 1}`;
  const brokers: ScriptedBroker[] = [];
  for (const [n, script] of scripts.entries())
    // oxlint-disable-next-line no-await-in-loop -- the first one chooses the port
    brokers.push(stack.use(await startScripted(script, at(n), brokers[0]?.port ?? 0)));
  const lookup = () => Promise.resolve(scripts.map((_, n) => at(n)));
  const url = `mqtt://dispatch:${brokers[0]!.port}`;
  const unit = openLink([url], createConnect(systemTime, lookup), systemTime);
  stack.defer(() => unit.link.stop("the test is over"));
  const owned = stack.move();
  return { ...unit, brokers, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};

/** Presses, and waits until the emergency is acknowledged. Returns how long that took, in milliseconds. */
export const press = async (unit: Awaited<ReturnType<typeof openUnit>>): Promise<number> => {
  const begun = performance.now();
  unit.press(emergency(1));
  await waitFor("the emergency", () => unit.delivered.length > 0, 20_000);
  return performance.now() - begun;
};
