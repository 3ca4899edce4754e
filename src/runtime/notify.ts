import { spawn } from "node:child_process";
import type { Log } from "./log.ts";

/**
 * Tells systemd how the service is (sd_notify(3)), through `systemd-notify` because Node has no
 * datagram sockets of the Unix kind. Outside systemd it does nothing.
 */
export type ServiceNotifier = {
  ready(): void;
  stopping(): void;
  /** Feeds the watchdog from the main loop at half its time, until disposed. */
  [Symbol.dispose](): void;
};

export const createNotifier = (env: NodeJS.ProcessEnv, log: Log): ServiceNotifier => {
  const supervised = env["NOTIFY_SOCKET"] !== undefined;
  const watchdogMs = Number(env["WATCHDOG_USEC"] ?? 0) / 1000;
  let failed = false;
  const tell = (...words: string[]) => {
    if (!supervised) return;
    spawn("systemd-notify", ["--no-block", ...words], { stdio: "ignore" }).on("error", (cause) => {
      if (!failed)
        log.error("systemd-notify cannot be run: the watchdog is not fed", { cause: cause.message });
      failed = true;
    });
  };
  const timer =
    supervised && watchdogMs > 0 ? setInterval(() => tell("WATCHDOG=1"), watchdogMs / 2) : undefined;
  timer?.unref();
  return {
    ready: () => tell("--ready"),
    stopping: () => tell("STOPPING=1"),
    [Symbol.dispose]: () => clearInterval(timer),
  };
};
