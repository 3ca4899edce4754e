import { defineConfig } from "vitest/config";

/**
 * What one runs while working: the pure rooms, contracts on the simulated ports, documents. It needs no
 * root, no Debian package and no network, and takes some seconds.
 */
export default defineConfig({
  test: {
    include: [
      "test/*.test.ts",
      "test/{domain,decode,policy,emergency,commands,wire,dispatch,settings,tools,unit,status,sources,runtime,cli}/**/*.test.ts",
      "test/outbox/**/*.test.ts",
      "test/firmware-bridge/**/*.test.ts",
      "test/simulation/**/*.test.ts",
    ],
    reporters: ["default", "./test/closing-line.ts"],
    testTimeout: 30_000,
    maxWorkers: 2,
  },
});
