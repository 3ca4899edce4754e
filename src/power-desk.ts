import type { EventData } from "./domain/report.ts";
import { createPowerPolicy, type PowerCircumstances, type PowerSettings } from "./policy/power.ts";
import { reasonOf, type Log } from "./runtime/log.ts";

/** Tells dispatch of the ignition, and has the computer switched off behind it. */
export type PowerDesk = {
  /** Looks at the ignition; to be called about once a second. */
  look(): void;
};

export type PowerDeskOptions = {
  readonly settings: PowerSettings | undefined;
  readonly circumstances: () => PowerCircumstances;
  readonly mono: () => number;
  readonly event: (data: EventData) => void;
  readonly log: Log;
  /** Asks the service manager; rejects when it refuses. */
  readonly powerOff: () => Promise<void>;
};

export const createPowerDesk = (options: PowerDeskOptions): PowerDesk => {
  const { event, log } = options;
  const policy = createPowerPolicy(options.settings);
  return {
    look() {
      const news = policy.look(options.circumstances(), options.mono());
      if (!news) return;
      log.info(`power: ${news.what}`, { part: "power" });
      event({ type: "power", ...news });
      if (news.what !== "power-off") return;
      options.powerOff().catch((cause: unknown) => {
        const detail = `the computer cannot be switched off: ${reasonOf(cause).trim()}`;
        log.error(detail, { part: "power" });
        event({ type: "fault", part: "power", detail });
      });
    },
  };
};
