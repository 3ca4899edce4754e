import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCommandDesk, type CommandDesk } from "../src/command-desk.ts";
import type { EventData } from "../src/domain/report.ts";
import type { Instant } from "../src/domain/time.ts";
import type { Outbox } from "../src/outbox/outbox.ts";
import { openTestOutbox } from "./outbox/open-outbox.ts";
import { createClock } from "../src/runtime/clock.ts";
import { createLog } from "../src/runtime/log.ts";

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "desk-"));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

const NOW = Date.UTC(2026, 10, 24, 22);
type Seen = {
  desk: CommandDesk;
  /** How many were still held when each ran. */
  waiting: number[];
  ran: string[];
  replies: [string, unknown][];
  events: EventData[];
  outbox: Outbox;
};

const withDesk = async (now: () => Instant, work: (seen: Seen) => Promise<void>): Promise<void> => {
  const clock = { ...createClock(), now };
  await using outbox = await openTestOutbox(path, { clock });
  const ran: string[] = [];
  const waiting: number[] = [];
  const replies: Seen["replies"] = [];
  const events: EventData[] = [];
  const desk = createCommandDesk({
    outbox,
    clock,
    log: createLog(() => undefined),
    event: (data) => void events.push(data),
    reply: ({ topic, correlationData }, payload) =>
      void replies.push([`${topic}${correlationData?.toString() ?? ""}`, JSON.parse(payload.toString())]),
    connected: () => true,
    route: { topic: "reply", retain: false },
    kinds: {
      ping({ id }) {
        ran.push(id);
        waiting.push((outbox.notes.get("held-commands") as unknown[] | undefined)?.length ?? 0);
        return undefined;
      },
      fussy: () => "movingS: expected a number",
    },
  });
  await work({ desk, waiting, ran, replies, events, outbox });
};
const command = (id: string, kind = "ping", expiresAt = NOW + 60_000) => ({
  topic: "command",
  payload: Buffer.from(JSON.stringify({ id, kind, expiresAt: new Date(expiresAt).toISOString() })),
});
const known = (): Instant => ({ at: NOW, clock: "gnss" });
const unset = (): Instant => ({ at: 0, clock: "unset" });

test("a command runs once, is answered each time, also after a restart", async () => {
  await withDesk(known, async ({ desk, ran, replies }) => {
    await desk.take(command("1"));
    await desk.take({ ...command("1"), responseTopic: "here", correlationData: Buffer.from("#7") });
    expect(ran).toEqual(["1"]);
    expect(replies).toEqual([
      ["reply", { id: "1", ok: true }],
      ["here#7", { id: "1", ok: true }],
    ]);
  });
  await withDesk(known, async ({ desk, ran, replies }) => {
    await desk.take(command("1"));
    expect(ran).toEqual([]);
    expect(replies).toEqual([["reply", { id: "1", ok: true }]]);
  });
});

test("what comes before the time is known waits for it, over a restart; what has expired by then is refused", async () => {
  await withDesk(unset, async ({ desk, ran, replies }) => {
    await desk.take({ ...command("1"), responseTopic: "here", correlationData: Buffer.from("#8") });
    await desk.take(command("2", "ping", NOW - 1));
    await desk.clock();
    expect(ran).toEqual([]);
    expect(replies).toEqual([]);
  });
  await withDesk(known, async ({ desk, ran, replies }) => {
    await desk.clock();
    await desk.clock();
    expect(ran).toEqual(["1"]);
    expect(replies).toEqual([
      ["here#8", { id: "1", ok: true }],
      ["reply", { id: "2", ok: false, error: `it expired at ${new Date(NOW - 1).toISOString()}` }],
    ]);
  });
});

test("no more than sixteen wait; the next is refused, not lost", async () => {
  await withDesk(unset, async ({ desk, replies }) => {
    for (let n = 1; n <= 17; n++) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      await desk.take(command(String(n)));
    }
    expect(replies).toEqual([["reply", expect.objectContaining({ id: "17", ok: false })]]);
  });
});

test("hostile payloads are refused with a reason and counted as events; nothing runs", async () => {
  await withDesk(known, async ({ desk, ran, replies, events }) => {
    const payloads = [
      "",
      "{",
      "[]",
      "null",
      '{"id":"x"}',
      '{"id":"x","kind":"ping","expiresAt":"soon"}',
      JSON.stringify({ id: "x".repeat(300), kind: "ping", expiresAt: new Date(NOW).toISOString() }),
      `{"id":"big","kind":"ping","expiresAt":"${new Date(NOW + 1).toISOString()}","pad":"${"x".repeat(20_000)}"}`,
    ];
    for (const payload of payloads) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      await desk.take({ topic: "command", payload: Buffer.from(payload) });
    }
    await desk.take(command("u", "constructor"));
    await desk.take(command("f", "fussy"));
    await desk.take(command("late", "ping", NOW - 1));
    expect(ran).toEqual([]);
    expect(replies).toHaveLength(payloads.length + 3);
    expect(replies.some(([, reply]) => (reply as { ok: boolean }).ok)).toBe(false);
    expect(events).toHaveLength(payloads.length + 3);
    expect(replies.at(-2)).toEqual(["reply", { id: "f", ok: false, error: "movingS: expected a number" }]);
  });
});

test("of those that waited none is let go of before it has its answer", async () => {
  await withDesk(unset, async ({ desk }) => {
    for (const id of ["1", "2", "3"]) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      await desk.take(command(id));
    }
  });
  await withDesk(known, async ({ desk, ran, waiting, outbox }) => {
    await desk.clock();
    expect(ran).toEqual(["1", "2", "3"]);
    expect(waiting).toEqual([3, 2, 1]);
    expect(outbox.notes.has("held-commands")).toBe(false);
  });
});

test("what is too much to be kept is refused: it must not crowd out the notes of an emergency", async () => {
  await withDesk(unset, async ({ desk, replies, outbox }) => {
    for (let n = 0; n < 16; n++) {
      const { payload } = command(`big-${n}`);
      const padded = Buffer.from(payload.toString().replace("{", `{"pad":"${"x".repeat(12_000)}",`));
      // oxlint-disable-next-line no-await-in-loop -- in order
      await desk.take({ topic: "command", payload: padded });
    }
    expect(replies.length).toBeGreaterThan(10);
    expect(JSON.stringify(Object.fromEntries(outbox.notes)).length).toBeLessThan(64_000);
  });
});

test("a response topic that no message may have is answered on our own", async () => {
  await withDesk(known, async ({ desk, replies }) => {
    for (const [n, responseTopic] of ["", "answers/#", "a/+/b", "$SYS/x", "a\0b", "fine/here"].entries()) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      await desk.take({ ...command(String(n)), responseTopic });
    }
    expect(replies.map(([topic]) => topic)).toEqual([
      "reply",
      "reply",
      "reply",
      "reply",
      "reply",
      "fine/here",
    ]);
  });
});

test("an id is remembered until it expires, however many come behind it", async () => {
  await withDesk(known, async ({ desk, ran, replies }) => {
    for (let n = 0; n < 130; n++) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      await desk.take(command(String(n)));
    }
    await desk.take(command("0"));
    expect(ran).toHaveLength(128);
    expect(replies.at(-1)).toEqual(["reply", { id: "0", ok: true }]);
    expect(replies[129]).toEqual(["reply", expect.objectContaining({ id: "129", ok: false })]);
  });
});

test("two ticks while the disk is slow answer each once", async () => {
  await withDesk(unset, async ({ desk }) => {
    for (const id of ["1", "2", "3"]) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      await desk.take(command(id));
    }
  });
  await withDesk(known, async ({ desk, replies }) => {
    await Promise.all([desk.clock(), desk.clock(), desk.clock()]);
    expect(replies).toHaveLength(3);
  });
});
