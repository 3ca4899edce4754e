import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import type { Clock } from "../../src/domain/time.ts";
import { createLog } from "../../src/runtime/log.ts";
import { CustodyPart } from "../../src/unit/custody.ts";
import { Faults } from "../../src/unit/faults.ts";
import { event, openLives, position } from "../outbox/lives.ts";

const HOUR_MS = 3_600_000;

/**
 * A recorder is away for days while its broker acknowledges everything and the outbox thins itself: what was acknowledged
 * lies in more pieces than are remembered. The link stays.
 */
test("what the outbox forgets to be acknowledged is read again within an hour, not only on the next connection", async () => {
  const lives = openLives();
  const outbox = await lives.open(createRandom(1));
  let mono = 0;
  const clock: Clock = {
    mono: () => mono,
    now: () => ({ at: 1, clock: "gnss" }),
    when: () => ({ at: 1, clock: "gnss" }),
  };
  const log = createLog(() => undefined);
  const custody = new CustodyPart({
    setting: "dispatch",
    outbox,
    clock,
    faults: new Faults({ log, event: () => undefined, mono: () => mono }),
    log,
    restart: () => undefined,
  });
  const rewound: number[] = [];
  const link = {
    status: { broker: "mqtts://a:8883", reconnects: 0 },
    sendsAgain: false,
    again: () => undefined,
    rewind: () => void rewound.push(mono),
  };
  const tick = (): void => {
    mono += 1_000;
    custody.tick(link);
  };
  tick();
  for (let pairs = 0; pairs < 600; pairs++) {
    const acknowledged = outbox.append(position);
    outbox.append(event());
    outbox.acknowledge([acknowledged], true);
  }
  await lives.pass(5_000);
  for (const until = mono + HOUR_MS / 2; mono < until;) tick();
  expect(rewound).toEqual([2_000]);
  const more = Array.from({ length: 100 }, () => [outbox.append(position), outbox.append(event())][0]!);
  outbox.acknowledge(more, true);
  await lives.pass(5_000);
  for (const until = mono + HOUR_MS; mono < until;) tick();
  expect(rewound).toEqual([2_000, 2_000 + HOUR_MS]);
  await lives.close(outbox);
});
