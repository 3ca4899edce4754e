import { arm, armed, currentButton, isArmed, observeButton } from "./buttons.ts";
import {
  fail,
  isWaiting,
  notFitted,
  pass,
  type Advanced,
  type Entry,
  type List,
  type ListEvent,
  type Order,
  type Progress,
  type Settled,
  type Waiting,
} from "./list.ts";
import { BREAK_MS, noFix, observeFix, observeSignal, observeStatus } from "./observe.ts";
import { observePower } from "./power.ts";
import { quote, say, type Saying } from "./saying.ts";
import type { Seen } from "./seen.ts";
import { whyItWaits } from "./waiting.ts";

/** Works through a commissioning list. Pure: (list, event) -> (list, orders). */

/** Attempts at a broker; after the last one it has failed. */
export const BROKER_TRIES = 3;
const BROKER_AGAIN_MS = 10_000;

type Status = ListEvent & { readonly kind: "status" };

const observe = (entry: Entry, list: List, { status, scheduled }: Status, mono: number): Progress => {
  const { step, progress } = entry;
  if (!isWaiting(progress)) return progress;
  switch (progress.on) {
    case "status":
      return observeStatus(step, status, list.plan);
    case "fix":
      return observeFix(progress, status, list.plan, mono);
    case "signal":
      return observeSignal(progress, step.subject ?? "", status, list.plan);
    case "button":
      return observeButton(progress, step.subject ?? "", list, status, mono);
    case "power-off":
      return observePower(progress, currentButton(list) === undefined, scheduled, mono);
    case "broker":
      return progress;
  }
};

const withProgress = (list: List, mono: number, next: (entry: Entry) => Progress): List => ({
  ...list,
  entries: list.entries.map((entry) => {
    const progress = next(entry);
    if (progress === entry.progress) return entry;
    return isWaiting(progress)
      ? { step: entry.step, progress }
      : { step: entry.step, progress, endedAt: mono };
  }),
});

/** The list is about one start of the service with one configuration. */
const whyBroken = ({ seen }: List, { boot, config }: Seen): Saying | undefined => {
  if (seen && seen.status.boot !== boot) return say("restarted");
  if (seen && seen.status.config !== config) return say("reconfigured");
  return undefined;
};

/** Tries the brokers whose turn it is. */
const tryBrokers = (list: List, mono: number): Advanced => {
  const isDue = ({ progress }: Entry): boolean =>
    isWaiting(progress) && progress.on === "broker" && !progress.isBeingTried && mono >= progress.nextAt;
  const orders = list.entries.flatMap((entry): Order[] =>
    isDue(entry) ? [{ kind: "try-broker", url: entry.step.subject ?? "" }] : [],
  );
  const tried = withProgress(list, mono, (entry) =>
    isDue(entry) && isWaiting(entry.progress) && entry.progress.on === "broker"
      ? { ...entry.progress, isBeingTried: true }
      : entry.progress,
  );
  return { list: tried, orders };
};

const armNow = (list: List, mono: number): Advanced => {
  const asked = arm(list, mono);
  return asked ? { list: asked, orders: [{ kind: "arm" }] } : { list, orders: [] };
};

/** The fix must hold without a break. */
const interrupted = (list: List, mono: number, why: Saying): List =>
  withProgress(list, mono, ({ progress }) =>
    isWaiting(progress) && progress.on === "fix" && progress.since !== undefined ? noFix(why) : progress,
  );

const status = (list: List, event: Status, mono: number): Advanced => {
  const broken = whyBroken(list, event.status);
  if (broken !== undefined) return { list: { ...list, broken }, orders: [] };
  const { seen } = list;
  const begun = seen ? list : { ...list, before: event.status.episodes.map(({ episode }) => episode) };
  const whole = seen && mono - seen.at > BREAK_MS ? interrupted(begun, mono, say("silent")) : begun;
  const observed = withProgress(whole, mono, (entry) => observe(entry, whole, event, mono));
  const brokers = tryBrokers({ ...observed, seen: { status: event.status, at: mono } }, mono);
  if (list.asks) return brokers;
  const drill = armNow(brokers.list, mono);
  return { list: drill.list, orders: [...brokers.orders, ...drill.orders] };
};

const ofBroker = (
  before: Waiting & { on: "broker" },
  says: string,
  failed: boolean,
  mono: number,
): Progress => {
  const tries = before.tries + 1;
  if (!failed) return pass({ tries, says });
  if (tries >= BROKER_TRIES) return fail(quote(says), { tries });
  return { ...before, tries, isBeingTried: false, nextAt: mono + BROKER_AGAIN_MS, why: quote(says) };
};

const broker = (list: List, { url, says, failed }: ListEvent & { kind: "broker" }, mono: number): List =>
  withProgress(list, mono, ({ step, progress }) =>
    isWaiting(progress) && progress.on === "broker" && step.subject === url
      ? ofBroker(progress, says, failed, mono)
      : progress,
  );

/** A step that has passed cannot be skipped. */
const skip = (list: List, { id, reason }: ListEvent & { kind: "skip" }, mono: number): List =>
  withProgress(list, mono, ({ step, progress }) =>
    step.id === id && (isWaiting(progress) || progress.state === "fail")
      ? notFitted("skipped", quote(reason))
      : progress,
  );

const end = (list: List, by: "time" | "technician", mono: number): List =>
  withProgress(list, mono, ({ step, progress }): Settled =>
    isWaiting(progress)
      ? fail([...say(by === "time" ? "time-up" : "ended"), ...whyItWaits(step, progress)])
      : progress,
  );

/** A drill whose button is no longer tested must not wait for a press that is meant. */
const disarmed = (before: List, list: List): Advanced => ({
  list,
  orders: isArmed(before) && !isArmed(list) ? [{ kind: "disarm" }] : [],
});

/** The unit has armed a drill. Nobody waits for it any more if its button was skipped meanwhile. */
const afterArming = (list: List, why: string | undefined, mono: number): Advanced => {
  const now = armed(list, why, mono);
  return { list: now, orders: why === undefined && !isArmed(now) ? [{ kind: "disarm" }] : [] };
};

/** The list after an event at `mono`, and what has to be done. A list that is broken does not change any more. */
export const advance = (list: List, event: ListEvent, mono: number): Advanced => {
  if (list.broken !== undefined) return { list, orders: [] };
  switch (event.kind) {
    case "status":
      return status(list, event, mono);
    case "away":
      return { list: interrupted(list, mono, quote(event.why)), orders: [] };
    case "broker":
      return { list: broker(list, event, mono), orders: [] };
    case "ready":
      return armNow(list, mono);
    case "armed":
      return afterArming(list, event.why, mono);
    case "skip":
      return disarmed(list, skip(list, event, mono));
    case "end":
      return disarmed(list, end(list, event.by, mono));
  }
};
