import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { haveNats, startNats } from "../fleet/nats.ts";
import type { Brokers } from "../fleet/nodes.ts";
import { haveRabbit, startRabbit } from "../fleet/rabbitmq.ts";
import { fillBacklog } from "./backlog.ts";
import { epoch, openCar, waitFor } from "./car.ts";
import { openDispatch } from "./dispatch.ts";

const BACKLOG = 40_000;
const KILLED_AFTER = 2_000;

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

/** The node that the unit is on fails in the middle of a drain, under a press; dispatch listens at another. */
const journey = async (name: string, cluster: Brokers): Promise<void> => {
  const { login } = cluster;
  const dispatch = stack.use(await openDispatch(cluster.urls[2]!, { protocolVersion: 4, ...login }));
  const credentials = login ? `, username: ${login.username}, password: ${login.password}` : "";
  const brokers = cluster.urls
    .slice(0, 2)
    .map((url) => `"${url}"`)
    .join(", ");
  const car = stack.use(
    openCar(`{ brokers: [${brokers}], allowPlaintext: true${credentials} }`, { board: true }),
  );
  await fillBacklog(car, BACKLOG);
  await car.start();
  await waitFor("the drain to begin", () => dispatch.positions().length > KILLED_AFTER, 60_000);
  const drainedThen = dispatch.positions().length;
  await cluster.kill(0);
  car.press();
  await waitFor("the emergency", () => dispatch.emergencies().length > 0, 60_000);
  const { episode } = dispatch.emergencies()[0]!;
  await dispatch.ack(episode, "received");
  await waitFor("the lamp", () => car.lamps.includes("received"), 60_000);
  await car.listens();
  for (let n = 0; n < 5; n++) {
    // oxlint-disable-next-line no-await-in-loop -- a receiver speaks in order
    await car.line.write(epoch(n, Date.now()));
  }
  await waitFor("the rest of the drain", () => dispatch.positions().length >= BACKLOG + 5, 120_000);
  await waitFor("every number", () => dispatch.missing().length === 0, 30_000);
  await dispatch.ack(episode, "cleared");
  await waitFor("the end", () => car.lamps.at(-1) === "idle", 30_000);
  process.stdout.write(
    `${name}: one node of three killed after ${drainedThen} of ${BACKLOG}; ${dispatch.reports.length} reports came, ${dispatch.missing().length} numbers missing\n`,
  );
  expect(drainedThen).toBeLessThan(BACKLOG);
};

describe("a cluster of three that loses one in the middle of a drain", () => {
  test.skipIf(!haveNats)("NATS", { timeout: 300_000 }, async () => {
    await journey("NATS", stack.use(await startNats()));
  });

  test.skipIf(!haveRabbit)("RabbitMQ", { timeout: 300_000 }, async () => {
    await journey("RabbitMQ", stack.use(await startRabbit()));
  });
});
