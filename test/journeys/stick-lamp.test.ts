import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { waitFor } from "./car.ts";
import { openCentre } from "./centre.ts";
import { freePort } from "./mosquitto.ts";
import { openRootedCar } from "./rooted-car.ts";

vi.setConfig({ testTimeout: 120_000 });

type Car = Awaited<ReturnType<typeof openRootedCar>>;

/** As systemd/stick.sh does: all at once, after the stick before is done. */
const plug = async (car: Car, bytes: Buffer): Promise<void> => {
  await waitFor("the inbox to be empty", () => !existsSync(join(car.dir, "inbox/stick")));
  mkdirSync(join(car.dir, "inbox/stick.new"), { recursive: true });
  writeFileSync(join(car.dir, "inbox/stick.new/fleet.patrol"), bytes);
  renameSync(join(car.dir, "inbox/stick.new"), join(car.dir, "inbox/stick"));
};

/** A centre, and a car with a board whose first configuration counts. */
const openReady = async () => {
  await using stack = new AsyncDisposableStack();
  const centre = await openCentre();
  stack.use(centre.stack);
  const car = stack.use(await openRootedCar(centre.broker.url, { board: true }));
  await car.flash(1);
  car.start();
  await waitFor(
    "the first configuration to count",
    () => centre.dispatch.events("config").length === 1,
    40_000,
  );
  await waitFor("the lamp at rest", () => car.lamps.at(-1) === "idle");
  const owned = stack.move();
  return { car, centre, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};

test("the lamp shows what became of a stick: refused at once, done by the unit that runs with it, refused when it goes back", async () => {
  await using ready = await openReady();
  const { car, centre } = ready;
  await plug(car, Buffer.from("hello"));
  await waitFor("refused", () => car.lamps.at(-1) === "refused", 20_000);
  await plug(car, await car.bundle(2));
  await waitFor("done", () => car.lamps.at(-1) === "done", 30_000);
  expect((await car.store.disk()).current).toBe(2);
  await waitFor("the trial to be over", () => centre.dispatch.events("config").length === 3, 40_000);
  car.lamps.length = 0;
  await plug(car, await car.bundle(3, `mqtt://127.0.0.1:${await freePort()}`));
  await waitFor("refused again", () => car.lamps.at(-1) === "refused", 40_000);
  expect((await car.store.disk()).current).toBe(2);
});

test("a press takes the lamp from a result at once, and the result does not come back", async () => {
  await using ready = await openReady();
  const { car, centre } = ready;
  await plug(car, Buffer.from("hello"));
  await waitFor("refused", () => car.lamps.at(-1) === "refused", 20_000);
  car.press();
  await waitFor("the press", () => centre.dispatch.emergencies().length > 0);
  await waitFor("its lamp", () => car.lamps.at(-1) === "sent");
  const { episode } = centre.dispatch.emergencies()[0]!;
  await centre.dispatch.ack(episode, "cleared");
  await waitFor("the lamp at rest", () => car.lamps.at(-1) === "idle");
  expect(car.lamps.slice(car.lamps.indexOf("refused"))).not.toContain("done");
  expect(car.lamps.slice(car.lamps.indexOf("sent"))).not.toContain("refused");
});

test("no result is shown for a bundle that dispatch has sent", async () => {
  await using ready = await openReady();
  const { car, centre } = ready;
  await centre.dispatch.say("bundle", (await car.bundle(2)).toString("latin1"));
  await waitFor("it to count", () => centre.dispatch.events("config").length === 2, 40_000);
  expect(car.lamps).not.toContain("done");
});
