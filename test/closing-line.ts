import type { Reporter, TestModule } from "vitest/node";

/** Ends a run with one plain line that any CI can read. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      if (module.errors().length > 0) count.failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed" || state === "failed" || state === "skipped") count[state]++;
      }
    }
    process.on("exit", () => {
      if (count.skipped > 0) process.stdout.write(`${count.skipped} skipped\n`);
      process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`);
    });
  }
}
