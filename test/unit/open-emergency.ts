import { openWorld } from "./whole-unit.ts";

/** Presses a button half a minute after the start, and lets dispatch see it. */
export const openEmergency = async (world: ReturnType<typeof openWorld>) => {
  const { broker, route } = world.brokers[0]!;
  const { board } = await world.start();
  await world.wait(30_000);
  const press = (number: number): void =>
    board.press({ board: "aaaaaaaa", number, loop: 0, count: 1, ageMs: 0 });
  press(1);
  await world.wait(1_500);
  const { topic } = world.heard.find(({ topic: one }) => one.includes("/emergency/"))!;
  const tell = (to: string, message: object): void =>
    void broker.publish(to, Buffer.from(JSON.stringify(message)), {});
  return {
    broker,
    route,
    press,
    /** A topic of the unit, for example `receipt`. */
    topicOf: (name: string) => topic.replace(/emergency\/.*/, name),
    tell,
    /** Dispatch acknowledges. `aheadMs`: of its clock; NaN: it does not say when. */
    say: (stage: string, { by = "operator", aheadMs = 0 } = {}): void => {
      const time = Number.isNaN(aheadMs) ? {} : { at: new Date(world.time.host() + aheadMs).toISOString() };
      tell(`${topic}/ack`, { stage, by, ...time });
    },
  };
};
