import { openDatagram, type SendDatagram } from "./datagram.ts";
import { reasonOf, type Log } from "./log.ts";

/**
 * Tells systemd the state of the service (sd_notify(3)). The messages come from this process itself, so that
 * `NotifyAccess=main` is enough: systemd often cannot attribute those of a child that ends at once.
 */
export type ServiceNotifier = Disposable & {
  ready(): void;
  stopping(): void;
  /** Feeds the watchdog now. A timer does it too; call this in work that blocks the main loop for seconds. */
  feed(): void;
  /**
   * From now on the watchdog is fed only while `stuck` returns undefined: it says why the service makes no progress. The
   * reason is logged once. Before the first call the main loop alone counts, so a slow start is not ended.
   */
  feedUnless(stuck: () => string | undefined): void;
};

/** A state that could not be sent is sent again after this, if there is no watchdog. */
const RETRY_MS = 5_000;
/** How often the watchdog is fed within its time, so that one lost message does no harm. */
const FEEDS = 3;

/** The watchdog's time in ms; 0 if this process need not feed it. */
const watchdogMs = (env: NodeJS.ProcessEnv): number => {
  const pid = env["WATCHDOG_PID"];
  if (pid !== undefined && Number(pid) !== process.pid) return 0;
  const ms = Number(env["WATCHDOG_USEC"] ?? 0) / 1000;
  return ms > 0 ? ms : 0;
};

class SystemdNotifier implements ServiceNotifier {
  readonly #log: Log;
  readonly #watched: boolean;
  readonly #timer: NodeJS.Timeout;
  #send: SendDatagram | undefined;
  /** The newest state that has not been sent to systemd yet. */
  #owed: "READY=1" | "STOPPING=1" | undefined;
  #failing = false;
  #stuck: () => string | undefined = () => undefined;
  /** Why the watchdog was not fed the last time. */
  #reason: string | undefined;

  constructor(path: string, feedMs: number, log: Log) {
    this.#log = log;
    this.#watched = feedMs > 0;
    this.#timer = setInterval(() => this.feed(), this.#watched ? feedMs : RETRY_MS);
    this.#timer.unref();
    openDatagram(path).then(
      (send) => {
        this.#send = send;
        this.feed();
      },
      (cause: unknown) =>
        log.error("systemd cannot be notified: the watchdog is not fed", { cause: reasonOf(cause) }),
    );
  }

  ready(): void {
    this.#owed = "READY=1";
    this.feed();
  }

  stopping(): void {
    this.#owed = "STOPPING=1";
    this.feed();
  }

  feedUnless(stuck: () => string | undefined): void {
    this.#stuck = stuck;
  }

  /** Whether the watchdog is to be fed. */
  #isWell(): boolean {
    const reason = this.#stuck();
    if (reason !== undefined && this.#reason === undefined)
      this.#log.error("the watchdog is not fed any more: the service makes no progress", { cause: reason });
    this.#reason = reason;
    return reason === undefined;
  }

  feed(): void {
    const isFed = this.#watched && this.#isWell();
    const words = [...(this.#owed ? [this.#owed] : []), ...(isFed ? ["WATCHDOG=1"] : [])];
    if (!this.#send || words.length === 0) return;
    try {
      this.#send(words.join("\n"));
      this.#owed = undefined;
      this.#failing = false;
    } catch (cause) {
      if (!this.#failing)
        this.#log.error("systemd does not accept notifications", { cause: reasonOf(cause) });
      this.#failing = true;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

const noNotifier: ServiceNotifier = {
  ready: () => undefined,
  stopping: () => undefined,
  feed: () => undefined,
  feedUnless: () => undefined,
  [Symbol.dispose]: () => undefined,
};

/**
 * Feeds the watchdog from now on, before `ready` too, until disposed. Outside systemd it does nothing. If notifications
 * cannot be sent, it logs one line and the service goes on.
 */
export const createNotifier = (env: NodeJS.ProcessEnv, log: Log): ServiceNotifier => {
  const path = env["NOTIFY_SOCKET"];
  return path === undefined ? noNotifier : new SystemdNotifier(path, watchdogMs(env) / FEEDS, log);
};
