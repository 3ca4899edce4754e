import { defineConfig } from "vitest/config";

/**
 * The tests of emergencies and commands alone: what `npm run mutation` runs against each mutant, and
 * what `npm test` holds to cover every statement of it.
 */
export default defineConfig({
  test: {
    include: ["test/emergency/**/*.test.ts", "test/commands/**/*.test.ts"],
    coverage: {
      include: ["src/emergency/**", "src/commands/**"],
      reporter: ["text"],
      reportsDirectory: "dist/coverage",
      thresholds: { statements: 100, branches: 100, functions: 100, lines: 100 },
    },
  },
});
