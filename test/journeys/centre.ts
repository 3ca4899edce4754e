import { openDispatch, type Dispatch } from "./dispatch.ts";
import { startMosquitto, type Mosquitto } from "./mosquitto.ts";

/** A dispatch centre: a broker, and dispatch connected to it. */
export type Centre = {
  readonly broker: Mosquitto;
  readonly dispatch: Dispatch;
  /** Closes both. A test adds its cars, which then close first. */
  readonly stack: AsyncDisposableStack;
};

/** Starts a broker, and dispatch at it. */
export const openCentre = async (): Promise<Centre> => {
  await using opening = new AsyncDisposableStack();
  const broker = opening.use(await startMosquitto());
  await broker.start();
  const dispatch = opening.use(await openDispatch(broker.url));
  return { broker, dispatch, stack: opening.move() };
};
