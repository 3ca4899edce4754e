import { defineConfig } from "vitest/config";
import { built } from "../src/tools/pages-texts.ts";

export default defineConfig({
  plugins: [built],
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", "./test/closing-line.ts"],
    // Only what hangs should reach it: some tests simulate a chip, and a machine may be slow.
    testTimeout: 90_000,
    hookTimeout: 60_000,
    // Journeys start brokers and units of their own: two at a time keep a small machine honest.
    maxWorkers: 2,
  },
});
