import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { driveLong } from "./long-drive.ts";

test("a day without coverage, with CAN, into a small quota: every number is there or declared, and the ledger stays small", async () => {
  const folder = mkdtempSync(join(tmpdir(), "long-drive-"));
  try {
    const drive = await driveLong(join(folder, "outbox"), 24, 5 * 1024 * 1024);
    process.stdout.write(
      `a day: ${drive.made} made, ${drive.kept} kept, ${drive.gaps} gaps, at most ${drive.runs} runs, ledger ${drive.ledgerBytes} bytes, outbox at most ${drive.outboxMiB.toFixed(1)} MiB\n`,
    );
    const quantile = (q: number): string => drive.batchMs[Math.floor(drive.batchMs.length * q)]!.toFixed(2);
    process.stdout.write(
      `a batch of one event: ${quantile(0.5)} ms p50, ${quantile(0.9)} p90, ${quantile(0.99)} p99\n`,
    );
    expect([drive.missing, drive.both]).toEqual([0, 0]);
    expect(drive.gaps).toBeGreaterThan(10);
    expect(drive.runs).toBeLessThan(600);
    expect(drive.ledgerBytes).toBeLessThan(16_384);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 180_000);
