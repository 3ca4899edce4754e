import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { fillBacklog } from "../journeys/backlog.ts";
import { openCar, waitFor, type Car } from "../journeys/car.ts";
import { openDispatch, type Dispatch } from "../journeys/dispatch.ts";
import { startMosquitto } from "../journeys/mosquitto.ts";
import { openRelay, type Shape } from "../journeys/relay.ts";

type Print = (what: string, figure: string) => void;
type Quantile = (values: readonly number[], q: number) => number;

const SLOW: Shape = { bytesPerS: 64_000 / 8, delayMs: 300 };
const PRESSES = 500;
/** More than the slow link takes while the presses last. */
const BACKLOG = 500_000;
const RELEASED_MS = 260;
const STAGES = ["stored", "sent", "received"] as const;

/** One press, answered and cleared: when the lamp showed each stage, milliseconds after the contact. */
export const pressOnce = async (
  car: Car,
  dispatch: Dispatch,
): Promise<Record<(typeof STAGES)[number], number[]>> => {
  car.lampTimes.clear();
  const answered = dispatch.emergencies().length;
  const pressedAt = performance.now();
  car.press();
  await waitFor("the press at dispatch", () => dispatch.emergencies().length > answered, 60_000);
  const { episode } = dispatch.emergencies().at(-1)!;
  await dispatch.ack(episode, "received");
  await waitFor("the lamp", () => car.lampTimes.has("received"), 60_000);
  const after = (stage: string) => {
    const at = car.lampTimes.get(stage);
    return at === undefined ? [] : [at - pressedAt];
  };
  const legs = { stored: after("stored"), sent: after("sent"), received: after("received") };
  await dispatch.ack(episode, "cleared");
  const topic = `patrol/v1/zrenjanin/zr-117/emergency/${episode}`;
  await waitFor("the end", () => dispatch.removed.has(topic), 60_000);
  await sleep(Math.max(0, RELEASED_MS - (performance.now() - pressedAt)));
  return legs;
};

/** Presses one after another; for each, when the lamp showed each stage, milliseconds after the contact. */
const measure = async (presses: number, shape: Shape | undefined, backlog: boolean) => {
  await using stack = new AsyncDisposableStack();
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const dispatch = stack.use(await openDispatch(broker.url));
  const relay = shape ? stack.use(await openRelay(broker.port, shape)) : undefined;
  const port = relay?.port ?? broker.port;
  const car = stack.use(
    openCar(`{ brokers: ["mqtt://127.0.0.1:${port}"], allowPlaintext: true }`, {
      board: true,
      program: "dist/patrol-unit.mjs",
    }),
  );
  if (backlog) await fillBacklog(car, BACKLOG);
  await car.start();
  await waitFor("the link", () => dispatch.states.length > 0);
  await waitFor("the board", () => car.lamps.at(-1) === "idle");
  await sleep(shape ? 5_000 : 500);
  const times: Record<(typeof STAGES)[number], number[]> = { stored: [], sent: [], received: [] };
  const drainedBefore = dispatch.positions().length;
  const begunAt = performance.now();
  for (let n = 0; n < presses; n++) {
    const legs = await pressOnce(car, dispatch);
    for (const stage of STAGES) times[stage].push(...legs[stage]);
  }
  const rate = ((dispatch.positions().length - drainedBefore) * 1000) / (performance.now() - begunAt);
  return { times, rate, load: car.panic.board.load };
};

const IDLE_MS = 20_000;

/** CPU of the whole unit while nothing happens but the board's heartbeat, percent of a core. */
const idle = async (board: boolean, cpuSeconds: (pid: number) => number): Promise<number> => {
  await using stack = new AsyncDisposableStack();
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const car = stack.use(
    openCar(`{ brokers: ["mqtt://127.0.0.1:${broker.port}"], allowPlaintext: true }`, {
      board,
      program: "dist/patrol-unit.mjs",
    }),
  );
  await car.start();
  await sleep(2_000);
  const before = cpuSeconds(car.pid);
  await sleep(IDLE_MS);
  return ((cpuSeconds(car.pid) - before) / IDLE_MS) * 100_000;
};

/** From the contact to the lamp: what an officer sees, the board's debouncing and both serial lines included. */
export const panic = async (
  print: Print,
  quantile: Quantile,
  cpuSeconds: (pid: number) => number,
): Promise<void> => {
  const row = (name: string, values: readonly number[]) =>
    print(
      `${name}, ms p50 / p99 of ${values.length}`,
      `${quantile(values, 0.5).toFixed(0)} / ${quantile(values, 0.99).toFixed(0)}`,
    );
  print("host: CPU with an idle board, percent of a core", (await idle(true, cpuSeconds)).toFixed(2));
  print("host: CPU without a board, percent of a core", (await idle(false, cpuSeconds)).toFixed(2));
  const local = await measure(PRESSES, undefined, false);
  for (const stage of STAGES) row(`press to lamp ${stage}, local broker`, local.times[stage]);
  // Each press takes seconds, and hardly any of them is work: the two run side by side.
  const [quiet, busy] = await Promise.all([measure(PRESSES, SLOW, false), measure(PRESSES, SLOW, true)]);
  for (const stage of STAGES) row(`press to lamp ${stage}, 64 kbit/s and 600 ms`, quiet.times[stage]);
  for (const stage of STAGES) row(`press to lamp ${stage}, the same while draining`, busy.times[stage]);
  print("drained meanwhile, positions/s over 64 kbit/s", busy.rate.toFixed(0));
  print(
    "press to lamp sent, draining over idle, p50 / p99",
    [0.5, 0.99]
      .map((q) => (quantile(busy.times.sent, q) / quantile(quiet.times.sent, q)).toFixed(2))
      .join(" / "),
  );
  print("board: CPU load, percent", (local.load * 100).toFixed(1));
  const bytes = readFileSync(releasedImage(), "utf8")
    .split("\n")
    .filter((line) => line.slice(7, 9) === "00")
    .reduce((sum, line) => sum + Number.parseInt(line.slice(1, 3), 16), 0);
  print("board: image, bytes of 32,256", String(bytes));
};
