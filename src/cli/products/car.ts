import type { Commands } from "../lib/command.ts";

/** The commands of the package for a car. Each is loaded only when it is used. */
export const commands: Commands = {
  run: async () => (await import("../run.ts")).run,
  check: async () => (await import("../check.ts")).check,
  doctor: async () => (await import("../doctor.ts")).doctor,
  status: async () => (await import("../status.ts")).status,
  dispatch: async () => (await import("../dispatch.ts")).dispatch,
  board: async () => (await import("../board.ts")).board,
  drill: async () => (await import("../drill.ts")).drill,
  outbox: async () => (await import("../outbox.ts")).outbox,
  replay: async () => (await import("../replay.ts")).replay,
  decode: async () => (await import("../decode.ts")).decode,
  bundle: async () => (await import("../bundle.ts")).bundle,
  flash: async () => (await import("../flash.ts")).flash,
  enrol: async () => (await import("../enrol.ts")).enrol,
  commission: async () => (await import("../commission.ts")).commission,
  init: async () => (await import("../init.ts")).init,
};
