import { openCar, waitFor } from "./car.ts";
import { openDispatch } from "./dispatch.ts";
import { startMosquitto } from "./mosquitto.ts";
import { openRelay, type Shape } from "./relay.ts";

/** A car whose emergency somebody at dispatch has, with a relay between it and a real broker. */
export const openAcceptedEmergency = async (stack: AsyncDisposableStack, shape?: Shape) => {
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const dispatch = stack.use(await openDispatch(broker.url));
  const relay = stack.use(await openRelay(broker.port, shape));
  const car = stack.use(
    openCar(`{ brokers: ["mqtt://127.0.0.1:${relay.port}"], allowPlaintext: true }`, { board: true }),
  );
  await car.start();
  await waitFor("the link", () => dispatch.states.some(({ state }) => state === "online"));
  await waitFor("idle", () => car.lamps.at(-1) === "idle");
  car.press();
  await waitFor("the emergency", () => dispatch.newestEmergency() !== undefined);
  const { episode } = dispatch.newestEmergency()!;
  await dispatch.ack(episode, "accepted");
  await waitFor("accepted", () => car.lamps.at(-1) === "accepted");
  return { dispatch, relay, car, episode };
};
