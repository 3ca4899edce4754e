import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { startBalancer } from "./balancer.ts";
import { startBrokers } from "./brokers.ts";
import { connectRate, legsOf, reportKey, spread } from "./figures.ts";
import { Fleet } from "./fleet.ts";
import type { Look } from "./messages.ts";
import type { Brokers } from "./nodes.ts";
import type { FleetOptions } from "./options.ts";
import { costText, measureCosts, peakMiB } from "./processes.ts";
import { RecorderProcess } from "./recorder-process.ts";
import { startStore, type Audit, type FleetStore } from "./store.ts";

/** One run of the fleet: the steady state, the cases, and the audit. */

const SECOND = 1_000;
/** How long all may take to connect. */
const CONNECTS_MS = 300 * SECOND;
/** How long the fleet may take to deliver all its reports after a case. A missing report is sent again within minutes. */
const SETTLES_MS = 600 * SECOND;
/** A steady state of this length comes before and after each fault. */
const AROUND_MS = 15 * SECOND;
/** In a storm all units reconnect within this time, each with this many unsent reports. */
const STORM_MS = 10 * SECOND;
const STORM_RECORDS = 300;
/** How long nobody listens before the brokers forget. */
const AWAY_BEFORE_FORGETTING_MS = 20 * SECOND;
/** Undeclared numbers of so many units are listed. */
const LISTED = 10;

type Say = (what: string, figure: string) => void;

/** The parts of one run. */
type World = {
  readonly options: FleetOptions;
  readonly brokers: Brokers;
  readonly store: FleetStore;
  readonly recorder: RecorderProcess;
  readonly fleet: Fleet;
  readonly say: Say;
};

const isQuiet = ({ restless }: Look): boolean => restless === 0;

const began = (world: World): (() => Promise<void>) => {
  const { fleet, brokers, recorder, store, say } = world;
  const from = Date.now();
  const costs = measureCosts([...brokers.parts, recorder.part, store.part, fleet.part]);
  return async () => {
    const cost = costText(costs());
    const { journeys, presses, late, warnings } = await fleet.report();
    const legs = legsOf(journeys, await store.commits("position", from));
    const committed = await store.commits("emergency", from);
    const pressed = presses.flatMap(({ pressedAt, ...one }) => {
      const at = committed.get(reportKey(one));
      return at === undefined ? [] : [at - pressedAt];
    });
    const received = presses.flatMap(({ pressedAt, receivedAt }) =>
      receivedAt === undefined ? [] : [receivedAt - pressedAt],
    );
    say("  position, publish to commit", spread(legs.commit));
    say("  position, commit to receipt at the unit", spread(legs.receipt));
    say("  position, publish to receipt at the unit", spread(legs.both));
    say("  emergency, press to commit", spread(pressed));
    say("  emergency, press to `received` in the car", spread(received));
    say("  cost", cost);
    say(
      "  timers of the measured units were late",
      `p50 ${late.p50.toFixed(1)} p99 ${late.p99.toFixed(1)} ms`,
    );
    const counted = Object.entries(warnings).map(([what, count]) => `${what} ${count}`);
    if (counted.length > 0) say("  warnings of units", counted.join(", "));
  };
};

/** Measures while `work` lasts. */
const measured = async (world: World, work: () => Promise<void>): Promise<void> => {
  await world.fleet.measure();
  const end = began(world);
  await work();
  await end();
};

/** Stops driving and pressing, and waits until every unit has got rid of everything. Returns whether it has. */
const settle = async ({ fleet, say }: World, what: string): Promise<boolean> => {
  await fleet.drive(false);
  await fleet.press(0);
  const seconds = await fleet.until(isQuiet, SETTLES_MS);
  const { records, restless, open } = await fleet.look();
  if (seconds !== undefined) say(`  ${what}: nothing is left in any car`, `after ${seconds.toFixed(0)} s`);
  else say(`  ${what}: LEFT`, `${records} reports, ${open} open emergencies: ${restless} cars`);
  return seconds !== undefined;
};

const underWay = async ({ fleet, options }: World): Promise<void> => {
  await fleet.drive(true);
  await fleet.press(options.presses);
};

const connectAll = async ({ fleet, say, options }: World, overMs: number): Promise<void> => {
  const after = await fleet.start(overMs, CONNECTS_MS);
  if (after.length < options.units)
    throw new Error(`${after.length} of ${options.units} units were accepted in ${CONNECTS_MS / SECOND} s`);
  say("  connected", connectRate(after));
};

const steady = async (world: World): Promise<boolean> => {
  const { say, options, fleet } = world;
  say("steady state", `${options.units} units, a position each 5 s, ${options.presses} emergencies/s`);
  await connectAll(world, 0);
  const first = await fleet.until(({ inDispatch }) => inDispatch === options.units, SETTLES_MS);
  say("  all have a receipt", first === undefined ? "NO" : `after ${first.toFixed(0)} s more`);
  await underWay(world);
  await sleep(AROUND_MS);
  await measured(world, () => sleep(options.minutes * 60 * SECOND));
  return settle(world, "steady");
};

const storm = async (world: World): Promise<boolean> => {
  const { fleet, say } = world;
  say("storm", `all connect within ${STORM_MS / SECOND} s, with ${STORM_RECORDS} reports each`);
  await fleet.stop();
  await fleet.fill(STORM_RECORDS);
  await underWay(world);
  let drainedS: number | undefined;
  await measured(world, async () => {
    await connectAll(world, STORM_MS);
    drainedS = await fleet.until(({ records }) => records < world.options.units * 10, SETTLES_MS);
  });
  say("  the backlog has gone", drainedS === undefined ? "NO" : `after ${drainedS.toFixed(0)} s more`);
  return settle(world, "storm");
};

/** The recorder comes back: how long until it has answered what was published before, and what that costs it. */
const catchUp = async ({ recorder, fleet, say }: World): Promise<void> => {
  const from = performance.now();
  const since = () => `after ${((performance.now() - from) / SECOND).toFixed(1)} s`;
  const sayWhen = async (what: string, isSo: (look: Look) => boolean) =>
    say(`  ${what}`, (await fleet.until(isSo, SETTLES_MS)) === undefined ? "NO" : since());
  await recorder.start();
  say("  the recorder is connected", since());
  await sayWhen("all these emergencies are answered", ({ unanswered }) => unanswered === 0);
  await sayWhen("all these receipts are in the cars", ({ unreceipted }) => unreceipted === 0);
  await sleep(AROUND_MS);
  say("  the recorder's memory was at most", `${Math.round(peakMiB(recorder.part.pids()))} MiB`);
};

const recorderAway = async (world: World, seconds: number): Promise<boolean> => {
  const { recorder, fleet, say } = world;
  say("recorder away", `SIGKILL, back after ${seconds} s`);
  await underWay(world);
  await sleep(AROUND_MS);
  await recorder.kill();
  await sleep(seconds * SECOND);
  await fleet.mark();
  const { unanswered, unreceipted, records } = await fleet.look();
  say("  without an answer", `${unanswered} emergencies; ${records} reports of ${unreceipted} cars`);
  await measured(world, () => catchUp(world));
  return settle(world, "recorder away");
};

const killNode = async (world: World): Promise<boolean> => {
  const { fleet, brokers, say, options } = world;
  say("node killed", "SIGKILL to the first");
  await underWay(world);
  await sleep(AROUND_MS);
  await measured(world, async () => {
    await brokers.kill(0);
    // What is connected to it is noticed first.
    await sleep(SECOND);
    const seconds = await fleet.until(({ connected }) => connected >= options.units, SETTLES_MS);
    say("  all are connected again", seconds === undefined ? "NO" : `after ${seconds.toFixed(0)} s`);
    await sleep(AROUND_MS);
  });
  return settle(world, "node killed");
};

const forget = async (world: World): Promise<boolean> => {
  const { recorder, brokers, fleet, say, options } = world;
  const awayS = AWAY_BEFORE_FORGETTING_MS / SECOND;
  say("brokers forget", `the recorder away for ${awayS} s, then SIGKILL to all brokers, their data removed`);
  await underWay(world);
  await sleep(AROUND_MS);
  await recorder.kill();
  await sleep(AWAY_BEFORE_FORGETTING_MS);
  await brokers.forget();
  await measured(world, async () => {
    await recorder.start();
    const seconds = await fleet.until(({ connected }) => connected >= options.units, SETTLES_MS);
    say("  all are connected again", seconds === undefined ? "NO" : `after ${seconds.toFixed(0)} s`);
    await sleep(AROUND_MS);
  });
  return settle(world, "brokers forget");
};

const audited = ({ say }: World, audit: Audit): boolean => {
  const { undeclared, rejected, conflicts, streams } = audit;
  const sum = (of: (stream: Audit["streams"][number]) => number) =>
    streams.reduce((total, stream) => total + of(stream), 0);
  const declared = new Map<string, number>();
  for (const stream of streams)
    for (const [reason, count] of Object.entries(stream.declared))
      declared.set(reason, (declared.get(reason) ?? 0) + count);
  say("ledger audit", `${streams.length} stores, ${sum(({ received }) => received)} reports received`);
  say("  undeclared", String(undeclared));
  say("  declared", [...declared].map(([reason, count]) => `${reason} ${count}`).join(", ") || "none");
  say(
    "  duplicates, rejected, conflicts",
    `${sum(({ duplicates }) => duplicates)}, ${rejected}, ${conflicts}`,
  );
  for (const { unit, missing } of streams.filter((stream) => stream.undeclared > 0).slice(0, LISTED))
    say(`  ${unit} lacks`, missing.map(([from, to]) => `${from}-${to}`).join(", "));
  return undeclared === 0 && conflicts === 0;
};

/**
 * The addresses that the recorder is given: each of a pair, but one for a cluster. It has one name at all of them, and
 * a cluster ends a connection when another one with its name is made at any node.
 */
const recorderUrls = async (
  { broker }: FleetOptions,
  { urls }: Brokers,
  stack: AsyncDisposableStack,
): Promise<readonly string[]> => {
  if (broker === "mosquitto") return urls;
  return [stack.use(await startBalancer(urls.map((url) => Number(new URL(url).port)))).url];
};

/** Starts everything. What is started is ended with the stack. */
const openWorld = async (options: FleetOptions, say: Say, stack: AsyncDisposableStack): Promise<World> => {
  const brokers = stack.use(await startBrokers(options.broker, options.killNode ? 2 : 1));
  const store = stack.use(await startStore());
  const { urls, login } = brokers;
  const at = await recorderUrls(options, brokers, stack);
  const recorder = stack.use(
    new RecorderProcess(at.length, [
      ...at.flatMap((url) => ["--broker", url]),
      "--into",
      store.url,
      ...(login ? ["--username", login.username, "--password", login.password] : []),
    ]),
  );
  await recorder.start();
  const fleet = stack.use(new Fleet(options.units, options.processes, { urls: [...urls], login }));
  return { options, brokers, store, recorder, fleet, say };
};

/** Runs it until the signal fires. Returns whether nothing is undeclared and no unit kept anything. */
export const runFleet = async (options: FleetOptions, say: Say, signal: AbortSignal): Promise<boolean> => {
  await using stack = new AsyncDisposableStack();
  const world = await openWorld(options, say, stack);
  const { recorderAwayS: awayS } = options;
  const cases = [
    steady,
    ...(options.storm ? [storm] : []),
    ...(awayS === undefined ? [] : [(one: World) => recorderAway(one, awayS)]),
    ...(options.forgetful ? [forget] : []),
    ...(options.killNode ? [killNode] : []),
  ];
  const aborted = once(signal, "abort").then(() => {
    throw new Error("stopped");
  });
  aborted.catch(() => undefined);
  const went: boolean[] = [];
  // oxlint-disable-next-line no-await-in-loop -- one case after the other
  for (const one of cases) went.push(await Promise.race([one(world), aborted]));
  await world.fleet.stop();
  const { complaints } = world.recorder;
  if (complaints.length > 0) say("warnings of the recorder", `${complaints.length}: ${complaints.at(-1)}`);
  return audited(world, await world.store.audit()) && went.every(Boolean);
};
