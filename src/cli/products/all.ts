import type { Commands } from "../lib/command.ts";
import { commands as car } from "./car.ts";
import { commands as recorder } from "./recorder.ts";

/** Every command: from a checkout, and in the bundle of `npm run build`. A package has those of its product instead. */
export const commands: Commands = {
  ...car,
  ...recorder,
  demo: async () => (await import("../demo.ts")).demo,
};
