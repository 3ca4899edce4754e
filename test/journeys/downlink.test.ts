import { expect, test } from "vitest";
import { epoch, openCar, waitFor } from "./car.ts";
import { openDispatch, type Dispatch } from "./dispatch.ts";
import { startMosquitto } from "./mosquitto.ts";

const send = (dispatch: Dispatch, id: string, kind: string, more: object = {}) =>
  dispatch.say(
    "command",
    JSON.stringify({ id, kind, expiresAt: new Date(Date.now() + 86_400_000).toISOString(), ...more }),
  );
const done = (dispatch: Dispatch, id: string) =>
  dispatch
    .events("command")
    .map(({ data }) => data as unknown as { id?: string; ok: boolean; error?: string })
    .find((one) => one.id === id);

test("report, restart and a command before the time is known", async () => {
  await using stack = new AsyncDisposableStack();
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const dispatch = stack.use(await openDispatch(broker.url));
  const car = stack.use(
    openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`, {
      report: "{ movingS: 3600, standingS: 3600, distanceM: 1000000, headingDeg: 180 }",
    }),
  );
  await car.start();
  await waitFor("the link", () => dispatch.states.some(({ state }) => state === "online"));
  await send(dispatch, "early", "ping");
  await waitFor("the command to be held", () =>
    car.log.some(({ msg }) => msg.includes("waits until the time")),
  );
  expect(done(dispatch, "early")).toBeUndefined();

  let n = 0;
  const drive = async (epochs: number) => {
    for (let i = 0; i < epochs; i++) {
      // oxlint-disable-next-line no-await-in-loop -- a receiver speaks in order
      await car.line.write(epoch(n++, Date.now()));
    }
  };
  await car.listens();
  await drive(30);
  await waitFor("the held command", () => done(dispatch, "early")?.ok === true);
  await waitFor("the first position", () => dispatch.positions().length > 0);

  await send(dispatch, "more", "report", { movingS: 0, forS: 60 });
  await waitFor("the report command", () => done(dispatch, "more")?.ok === true);
  const before = dispatch.positions().length;
  await drive(20);
  await waitFor("every fix", () => dispatch.positions().length >= before + 19);
  await send(dispatch, "wrong", "report", { movingS: -1 });
  await waitFor("the refusal", () => done(dispatch, "wrong")?.ok === false);
  expect(done(dispatch, "wrong")!.error).toMatch(/^movingS: /);

  await send(dispatch, "again", "restart");
  await waitFor("the new boot", () =>
    dispatch.states.some(({ boot, state }) => boot === 2 && state === "online"),
  );
  expect(done(dispatch, "again")?.ok).toBe(true);
  expect(dispatch.states.find(({ state }) => state === "offline")?.reason).toBe("restart: asked by dispatch");
  await waitFor("the numbers", () => dispatch.missing().length === 0);
}, 60_000);
