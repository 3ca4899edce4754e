import type { Commands } from "../lib/command.ts";

/** The commands of the package for dispatch's servers. Each is loaded only when it is used. */
export const commands: Commands = {
  record: async () => (await import("../record.ts")).record,
  dispatch: async () => (await import("../dispatch.ts")).dispatch,
  bundle: async () => (await import("../bundle.ts")).bundle,
  check: async () => (await import("../check.ts")).check,
  decode: async () => (await import("../decode.ts")).decode,
  // It reads the card of a wrecked car.
  outbox: async () => (await import("../outbox.ts")).outbox,
};
