import { defineConfig } from "vitest/config";

/** What takes minutes: `npm run test:package`, after `npm run package`. */
export default defineConfig({
  test: {
    include: ["test/package/*.check.ts"],
    reporters: ["default", "./test/closing-line.ts"],
    testTimeout: 900_000,
    hookTimeout: 900_000,
    fileParallelism: false,
  },
});
