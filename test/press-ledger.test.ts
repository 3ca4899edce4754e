import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ulid } from "ulid";
import type { BoardPress } from "../src/domain/panic.ts";
import { episodeIdOf } from "../src/episode-id.ts";
import { createPressLedger } from "../src/press-ledger.ts";
import { openTestOutbox } from "./outbox/open-outbox.ts";

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "presses-"));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));
const open = () => openTestOutbox(path);

const press = (number: number): BoardPress => ({ board: "0badcafe", number, loop: 0, count: 1 });

test("a press that is told behind a later one is as new as that was", async () => {
  await using outbox = await open();
  const ledger = createPressLedger(outbox);
  ledger.count(press(7));
  expect(ledger.judge(press(7))).toBe("waiting");
  expect(ledger.judge(press(6))).toBe("new");
  ledger.count(press(6));
  ledger.stored(press(7));
  expect([6, 7, 8].map((number) => ledger.judge(press(number)))).toEqual(["waiting", "stored", "new"]);
});

test("of a thousand presses none is counted twice, also after a restart; a board that lost its memory begins anew", async () => {
  {
    await using outbox = await open();
    const first = createPressLedger(outbox);
    for (let number = 1; number <= 1000; number++) {
      expect(first.judge(press(number))).toBe("new");
      first.count(press(number));
    }
  }
  await using outbox = await open();
  const again = createPressLedger(outbox);
  for (const number of [1, 500, 936, 937, 1000]) expect(again.judge(press(number))).toBe("stored");
  expect(again.judge(press(1001))).toBe("new");
  again.meet("0badcafe", 1000);
  expect(again.judge(press(1000))).toBe("stored");
  again.meet("0badcafe", 2);
  expect(again.judge(press(2))).toBe("new");
});

test("the episode of a press has the same id when the press is told again, and every press another", () => {
  const at = Date.UTC(2026, 10, 24, 21, 30);
  const again = episodeIdOf(press(3), at + 40);
  expect(episodeIdOf(press(3), at)).toBe(again);
  expect(again).toHaveLength(ulid().length);
  expect(new Set(Array.from({ length: 1000 }, (_, n) => episodeIdOf(press(n + 1), at))).size).toBe(1000);
  expect(episodeIdOf(press(0), at)).not.toBe(episodeIdOf(press(0), at));
});
