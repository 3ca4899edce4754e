import { expect, test } from "vitest";
import { emptyLedger } from "../../src/outbox/ledger.ts";
import { Queue } from "../../src/outbox/queue.ts";

test("numbers that jumped far ahead are leased with two writes, each within the reach of the one before", () => {
  const queue = new Queue({ unit: "z/z", store: "k3v9q0ab", boot: 1 }, emptyLedger(1), {
    lease: 65,
    reach: 577,
  });
  // The newest place of the vital file was lost: only the store knows how far the numbers went.
  const lanes = { emergency: [], event: [], telemetry: [] };
  queue.recovered({ ledger: emptyLedger(2 ** 40), lanes, gaps: [], ghosts: lanes });
  expect(queue.allLeased).toBe(false);
  let reach = 577;
  let writes = 0;
  for (; !queue.allLeased && writes < 100; writes++) {
    const wanted = queue.wantedLease();
    expect(wanted.lease).toBeLessThanOrEqual(reach);
    ({ reach } = wanted);
    queue.leaseWritten(wanted);
  }
  expect(writes).toBe(2);
});
