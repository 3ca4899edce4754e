import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answerTopic, decide, done, recall, type Asked, type Decision } from "../../src/commands/commands.ts";
import { CommandMessage } from "../../src/domain/messages.ts";
import { NO_MEMORY, type CommandMemory } from "../../src/domain/memory.ts";
import { LAST_INSTANT, type Instant } from "../../src/domain/time.ts";
import { tries } from "../tries.ts";

const NOW = Date.UTC(2026, 10, 24, 22);
const DAY_MS = 86_400_000;
const KINDS = ["ping", "drill"];
const NOTHING: CommandMemory = NO_MEMORY.commands;

const at = (ms: number): Instant => ({ at: ms, clock: "gnss" });
const UNSET: Instant = { at: 0, clock: "unset" };
const iso = (ms: number): string => new Date(ms).toISOString();

const asking = (value: unknown): Asked => ({
  value,
  held: { payload: Buffer.from(JSON.stringify(value) ?? "").toString("base64") },
});
const command = (id: string, kind = "ping", expiresAt = NOW + 60_000): Asked =>
  asking({ id, kind, expiresAt: iso(expiresAt) });
const judge = (memory: CommandMemory, asked: Asked, now = at(NOW)): Decision =>
  decide(memory, asked, KINDS, now);

/** Decides, runs what is to be run, and remembers it. `error`: what is wrong when it runs. */
const take = (memory: CommandMemory, asked: Asked, now = at(NOW), error?: string) => {
  const decision = judge(memory, asked, now);
  if (decision.kind !== "run") return { ran: false, ...decision };
  return { ran: true, ...done(decision.memory, decision.command, error, now) };
};
const taking = (memory: CommandMemory, count: number, of: (n: number) => Asked, now = at(NOW)) => {
  let now_ = memory;
  let ran = 0;
  for (let n = 0; n < count; n++) {
    const taken = take(now_, of(n), now);
    now_ = taken.memory;
    if (taken.ran) ran++;
  }
  return { memory: now_, ran };
};
const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe("a command", () => {
  test("in time is run, and remembered until it expires", () => {
    const taken = take(NOTHING, command("1"));
    expect(taken).toMatchObject({ ran: true, reply: { id: "1", ok: true }, news: { kind: "ping" } });
    expect(taken.memory).toEqual({ done: [{ id: "1", ok: true, until: NOW + 60_000 }], held: [] });
  });

  test("that comes again gets the same answer and is not run again", () => {
    const { memory } = take(NOTHING, command("1"), at(NOW), "movingS: expected a number");
    expect(judge(memory, command("1"))).toEqual({
      kind: "answer",
      memory,
      reply: { id: "1", ok: false, error: "movingS: expected a number" },
    });
    const ran = take(NOTHING, command("1")).memory;
    expect(judge(ran, command("1", "drill"))).toEqual({
      kind: "answer",
      memory: ran,
      reply: { id: "1", ok: true },
    });
  });

  test("is run up to the very millisecond at which it expires", () => {
    expect(judge(NOTHING, command("1", "ping", NOW)).kind).toBe("run");
    expect(judge(NOTHING, command("1", "ping", NOW - 1))).toMatchObject({
      kind: "answer",
      reply: { id: "1", ok: false, error: `it expired at ${iso(NOW - 1)}` },
      news: { kind: "ping" },
    });
  });

  test("of an unknown kind is refused, also one that every object has", () => {
    for (const kind of ["constructor", "__proto__", "toString", "pong"])
      expect(judge(NOTHING, command("u", kind))).toMatchObject({
        kind: "answer",
        reply: { ok: false, error: `there is no command of kind ${kind}` },
      });
    expect(judge(NOTHING, command("u", "pong"), UNSET).kind).toBe("answer");
  });

  test("that is wrong is answered with at most 160 letters of why", () => {
    const { reply } = done(NOTHING, CommandMessage.parse(command("1").value), "x".repeat(900), at(NOW));
    expect(reply.error).toBe("x".repeat(160));
  });
});

describe("a payload that is no command", () => {
  const refusals: readonly (readonly [unknown, string, string])[] = [
    [undefined, "", "it is not a command: it is not JSON in UTF-8, or it is too long"],
    [[], "", "it is not a command: Invalid input: expected object, received array"],
    [null, "", "it is not a command: Invalid input: expected object, received null"],
    [{ id: "x" }, "x", "it is not a command: kind: "],
    [{ id: "x", kind: "ping", expiresAt: "soon" }, "x", "it is not a command: expiresAt: "],
    [{ id: "x", kind: "ping", expiresAt: "2026-13-45T00:00:00Z" }, "x", "it is not a command: expiresAt: "],
    [{ id: "x", kind: "ping", expiresAt: "+275760-09-13T00:00:00Z" }, "x", "it is not a command: expiresAt"],
    [{ id: "x".repeat(201), kind: "ping", expiresAt: iso(NOW) }, "", "it is not a command: id: "],
    [{ id: 7, kind: "ping", expiresAt: iso(NOW) }, "", "it is not a command: id: "],
    [{ id: "", kind: "ping", expiresAt: iso(NOW) }, "", "it is not a command: id: "],
    [{ id: "k", kind: "k".repeat(65), expiresAt: iso(NOW) }, "k", "it is not a command: kind: "],
    [{ id: "a\0", kind: "ping", expiresAt: iso(NOW) }, "", "it is not a command: id: no U+0000"],
    [{ id: "a", kind: "ping\uD800", expiresAt: iso(NOW) }, "a", "it is not a command: kind: no U+0000"],
  ];

  test.each(refusals)("%j is refused with a reason, and not remembered", (value, id, why) => {
    const decision = judge(NOTHING, asking(value));
    expect(decision).toMatchObject({ kind: "answer", memory: NOTHING, reply: { id, ok: false }, news: {} });
    expect(decision.kind === "answer" && decision.reply.error?.startsWith(why)).toBe(true);
  });

  test("of any shape neither throws nor runs, whatever the clock says", () => {
    const clocks = [at(NOW), UNSET, at(Number.NaN), at(8.64e15), at(-1)];
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom(...clocks), (value, now) => {
        const asked = { value, held: { payload: "" } };
        expect(judge(NOTHING, asked, now).kind).toBe("answer");
      }),
    );
  });

  test("every time that is accepted can be computed", () => {
    const texts = fc.oneof(
      fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date(253_402_300_799_999) })
        .map((date) => iso(+date)),
      fc
        .tuple(
          fc.nat(9_999),
          fc.nat(19),
          fc.nat(39),
          fc.nat(29),
          fc.nat(69),
          fc.nat(69),
          fc.nat(99),
          fc.nat(99),
        )
        .map(([y, mo, d, h, m, s, oh, om]) => {
          const two = (n: number) => String(n).padStart(2, "0");
          return `${String(y).padStart(4, "0")}-${two(mo)}-${two(d)}T${two(h)}:${two(m)}:${two(s)}+${two(oh)}:${two(om)}`;
        }),
    );
    fc.assert(
      fc.property(texts, (expiresAt) => {
        const read = CommandMessage.safeParse({ id: "1", kind: "ping", expiresAt });
        if (read.success) expect(Date.parse(read.data.expiresAt)).not.toBeNaN();
      }),
      { numRuns: tries(2_000) },
    );
  });

  test("a time that could not be computed counts as expired, and can be remembered", () => {
    const broken = { id: "1", kind: "ping", expiresAt: "never" };
    const { memory } = done(NOTHING, broken, undefined, at(NOW));
    expect(memory.done).toEqual([{ id: "1", ok: true, until: NOW }]);
  });
});

describe("before the time is known", () => {
  const waitFor = (count: number, memory = NOTHING) =>
    Array.from({ length: count }, (_, n) => command(`w${n}`)).reduce((now, asked) => {
      const decision = judge(now, asked, UNSET);
      expect(decision.kind).toBe("hold");
      return decision.memory;
    }, memory);

  test("a command waits, in the order in which it came", () => {
    const memory = waitFor(3);
    expect(memory.done).toEqual([]);
    expect(memory.held.map(({ payload }) => payload)).toEqual(
      [0, 1, 2].map((n) => command(`w${n}`).held.payload),
    );
    expect(judge(NOTHING, command("1"), UNSET)).toMatchObject({ kind: "hold", id: "1" });
  });

  test("a command that a broker delivers again waits once, in its place", () => {
    const memory = waitFor(16);
    const again = judge(memory, command("w3"), UNSET);
    expect(again).toEqual({ kind: "hold", memory, id: "w3" });
    const elsewhere = { ...command("w3"), held: { ...command("w3").held, responseTopic: "there" } };
    expect(judge(waitFor(4), elsewhere, UNSET).memory.held).toHaveLength(5);
  });

  test("sixteen wait, and the next is refused, not lost", () => {
    const memory = waitFor(16);
    const decision = judge(memory, command("w16"), UNSET);
    expect(decision).toMatchObject({
      kind: "answer",
      reply: {
        id: "w16",
        ok: false,
        error: "the time is not known yet, and 16 commands wait for it already",
      },
    });
    expect(decision.memory.held).toHaveLength(16);
  });

  test("all that wait fit 32 KiB: a large one more is refused", () => {
    const large = (n: number) =>
      asking({ id: `big-${n}`, kind: "ping", expiresAt: iso(NOW), pad: "x".repeat(12_000) });
    const one = judge(NOTHING, large(1), UNSET);
    const two = judge(one.memory, large(2), UNSET);
    const three = judge(two.memory, large(3), UNSET);
    expect([one.kind, two.kind, three.kind]).toEqual(["hold", "hold", "answer"]);
    expect(bytesOf(three.memory.held)).toBeLessThanOrEqual(32_768);
  });

  test("what waits, counted in bytes and not in letters, fits 32 KiB", () => {
    const wide = {
      value: command("1").value,
      held: { payload: "", responseTopic: "\u{2603}".repeat(11_000) },
    };
    expect(judge(NOTHING, wide, UNSET).kind).toBe("answer");
  });

  test("what waited is judged when the time is known, and waits no longer", () => {
    const memory = waitFor(2);
    const first = take(memory, { ...command("w0"), held: memory.held[0]! });
    expect(first).toMatchObject({ ran: true, reply: { id: "w0", ok: true } });
    expect(first.memory.held).toHaveLength(1);
    const late = take(first.memory, { ...command("w1"), held: memory.held[1]! }, at(NOW + 90_000));
    expect(late).toMatchObject({ ran: false, reply: { ok: false } });
    expect(late.memory.held).toEqual([]);
  });
});

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

describe("what is remembered", () => {
  const in2099 = Date.UTC(2099, 0);

  // Defect 16: 128 commands that expire in 2099, refused ones too, disabled commands.
  test("is kept for a day at most, however late a command expires", () => {
    const { memory } = taking(NOTHING, 256, (n) => command(`f${n}`, "ping", in2099));
    expect(memory.done.every(({ until }) => until === NOW + DAY_MS)).toBe(true);
    expect(take(memory, command("next")).ran).toBe(false);
    const next = take(memory, command("next", "ping", in2099), at(NOW + DAY_MS + 1));
    expect(next.ran).toBe(true);
    // The newest sixteen, whatever their expiry.
    expect(next.memory.done.map(({ id }) => id)).toEqual([...range(240, 256).map((n) => `f${n}`), "next"]);
  });

  test("of the newest ones outlives a clock that is wrong for a while: none is run twice", () => {
    const first = take(NOTHING, command("c1", "ping", NOW + 60_000)).memory;
    const ahead = take(first, command("c2"), at(Date.UTC(2036, 0))).memory;
    expect(take(ahead, command("c1", "ping", NOW + 60_000))).toMatchObject({
      ran: false,
      reply: { ok: true },
    });
    const behind = take(NOTHING, command("d1", "ping", NOW + DAY_MS), at(NOW - 2 * DAY_MS)).memory;
    const right = take(behind, command("d2", "ping", NOW + DAY_MS)).memory;
    expect(take(right, command("d1", "ping", NOW + DAY_MS)).ran).toBe(false);
  });

  test("of expired ones makes room first", () => {
    const { memory } = taking(NOTHING, 250, (n) => command(`${n}`));
    const { memory: full } = taking(memory, 6, (n) => command(`old${n}`, "ping", NOW + 1));
    const next = take(full, command("next"), at(NOW + 2));
    expect(next.ran).toBe(true);
    expect(next.memory.done.map(({ id }) => id).filter((id) => id.startsWith("old"))).toHaveLength(5);
  });

  test("of refused ones never disables commands: the oldest of them make room", () => {
    const { memory } = taking(NOTHING, 300, (n) => command(`r${n}`, "pong", in2099));
    expect(memory.done.length).toBeLessThanOrEqual(272);
    expect(memory.done.at(-1)!.id).toBe("r299");
    const next = take(memory, command("next"));
    expect(next.ran).toBe(true);
    expect(next.memory.done.at(-1)).toMatchObject({ id: "next", ok: true });
  });

  test("of run ones is not forgotten before it expires: the next command is refused instead", () => {
    const { memory, ran } = taking(NOTHING, 300, (n) => command(`${n}`));
    expect(ran).toBe(256);
    expect(memory.done).toHaveLength(272);
    expect(judge(memory, command("0"))).toMatchObject({ kind: "answer", reply: { id: "0", ok: true } });
    expect(take(memory, command("x"))).toMatchObject({
      ran: false,
      reply: { ok: false, error: "too many commands that have not expired are remembered already" },
    });
    expect(take(memory, command("x")).memory.done).toHaveLength(272);
  });

  test("of one that was refused for want of room is enough to refuse it again when there is room", () => {
    const { memory } = taking(NOTHING, 256, (n) => command(`${n}`));
    const full = take(memory, command("x", "ping", NOW + DAY_MS));
    const reply = { ok: false, error: "too many commands that have not expired are remembered already" };
    expect(full).toMatchObject({ ran: false, reply });
    const again = judge(full.memory, command("x", "ping", NOW + DAY_MS), at(NOW + 60_001));
    expect(again).toMatchObject({ kind: "answer", reply });
    expect(again).not.toHaveProperty("news");
  });

  test("of a refused one stays when others expire and new ones are run", () => {
    const hours = (n: number): number => NOW + n * 3_600_000;
    const until = (n: number): number => hours(n < 2 ? 1 + n / 2 : 10);
    const { memory } = taking(NOTHING, 256, (n) => command(`${n}`, "ping", until(n)));
    const refusal = take(memory, command("x", "ping", hours(10))).memory;
    const next = take(refusal, command("y", "ping", hours(10)), at(hours(1) + 1));
    expect(next.ran).toBe(true);
    expect(take(next.memory, command("x", "ping", hours(10)), at(hours(2))).ran).toBe(false);
  });

  test("of run ones makes room when it has expired", () => {
    const { memory } = taking(NOTHING, 256, (n) => command(`${n}`));
    expect(take(memory, command("x", "ping", NOW + DAY_MS), at(NOW + 60_000)).ran).toBe(false);
    const later = take(memory, command("x", "ping", NOW + DAY_MS), at(NOW + 60_001));
    expect(later.ran).toBe(true);
    expect(later.memory.done).toHaveLength(17);
  });

  test("fits 40 KiB as UTF-8, whatever the ids are made of", () => {
    for (const letter of ["x", "\u{2603}", "\u0001"]) {
      const { memory, ran } = taking(NOTHING, 180, (n) => command(`${letter.repeat(190)}${n}`));
      expect(ran).toBeGreaterThan(20);
      expect(bytesOf(memory.done.filter(({ ok }) => ok))).toBeLessThanOrEqual(32_768);
      expect(bytesOf(memory.done)).toBeLessThanOrEqual(40_960);
    }
    const { memory: refused } = taking(NOTHING, 180, (n) => command(`${"x".repeat(190)}${n}`, "pong"));
    expect(bytesOf(refused.done)).toBeLessThanOrEqual(40_960);
  });

  test("of a clock that was far ahead is given up a day after it is right", () => {
    const wrong = taking(NOTHING, 256, (n) => command(`${n}`, "ping", in2099), at(Date.UTC(2040, 0))).memory;
    const refused = take(wrong, command("x", "ping", in2099));
    expect(refused.ran).toBe(false);
    const next = take(refused.memory, command("y", "ping", in2099), at(NOW + DAY_MS + 1));
    expect(next.ran).toBe(true);
  });

  test("of a refused one outlives its expiry: it is refused again when the clock is set back", () => {
    const late = at(NOW + DAY_MS);
    const { memory } = take(NOTHING, command("1"), late);
    const next = take(memory, command("2", "ping", NOW + 2 * DAY_MS), late).memory;
    expect(take(next, command("1"), at(NOW))).toMatchObject({ ran: false, reply: { ok: false } });
    const { memory: many } = taking(next, 16, (n) => command(`m${n}`, "ping", NOW + 2 * DAY_MS), late);
    expect(take(many, command("1"), at(NOW))).toMatchObject({ ran: false, reply: { ok: false } });
    const afterADay = take(many, command("3", "ping", NOW + 3 * DAY_MS), at(NOW + 2 * DAY_MS + 1)).memory;
    expect(afterADay.done.map(({ id }) => id)).not.toContain("1");
  });

  test("before the time is known is kept until a day after it is", () => {
    const { memory } = take(NOTHING, command("1", "pong", in2099), UNSET);
    expect(memory.done).toMatchObject([{ id: "1", ok: false, until: LAST_INSTANT }]);
    expect(take(memory, command("2", "pong"), UNSET).memory.done).toHaveLength(2);
  });
});

describe("an answer", () => {
  const ROOT = "patrol/v1/zrenjanin/zr-117";
  const owns = (topic: string) => topic === ROOT || topic.startsWith(`${ROOT}/`);
  const topicOf = (asked: string | undefined) => answerTopic(asked, `${ROOT}/reply`, owns);

  test("goes to the response topic", () => {
    expect(topicOf("fine/here")).toBe("fine/here");
    expect(topicOf("x".repeat(256))).toBe("x".repeat(256));
    expect(topicOf(`${ROOT}/reply/7`)).toBe(`${ROOT}/reply/7`);
    expect(topicOf(`${ROOT}-8/anything`)).toBe(`${ROOT}-8/anything`);
  });

  test.each([undefined, "", "answers/#", "a/+/b", "+", "#", "$SYS/x", "a\0b", "\0", "x".repeat(257)])(
    "goes to the unit's own topic instead of %j, which no message may have",
    (topic) => expect(topicOf(topic)).toBe(`${ROOT}/reply`),
  );

  test.each([ROOT, `${ROOT}/state`, `${ROOT}/emergency/01K`, `${ROOT}/command`, `${ROOT}/replying`])(
    "goes to the unit's own topic instead of %s, which has a meaning of its own",
    (topic) => expect(topicOf(topic)).toBe(`${ROOT}/reply`),
  );
});

describe("commands of a newer memory", () => {
  const answered = (id: string, error?: string) => ({
    id,
    ok: error === undefined,
    ...(error === undefined ? {} : { error }),
    until: NOW + 60_000,
  });

  test("are not run again, and those that are known keep their answer", () => {
    const known = { done: [answered("1")], held: [{ payload: "x" }] };
    const memory = recall(known, { done: [answered("1", "too late"), answered("2")], held: [] });
    expect(memory).toEqual({ ...known, done: [answered("1"), answered("2")] });
    expect(judge(memory, command("2"))).toMatchObject({ kind: "answer", reply: { id: "2", ok: true } });
  });

  test("take no more room than there is", () => {
    const many = Array.from({ length: 300 }, (_, n) => answered(`${n}`));
    const { done: all } = recall(NOTHING, { done: many, held: [] });
    expect(all).toEqual(many.slice(0, 256));
  });

  test("that wait for the time go on waiting, once each, as long as there is room", () => {
    const held = (n: number) => ({ payload: `${n}` });
    const { held: both } = recall({ done: [], held: [held(1)] }, { done: [], held: [held(1), held(2)] });
    expect(both).toEqual([held(1), held(2)]);
    const many = Array.from({ length: 20 }, (_, n) => held(n));
    expect(recall(NOTHING, { done: [], held: many }).held).toEqual(many.slice(0, 16));
  });
});

test("a command that has not expired is remembered while the time is not known, though the computer's clock is ahead", () => {
  const until = NOW + 20 * 3_600_000;
  const { memory } = taking(NOTHING, 256, (n) => command(`c${n}`, "ping", until));
  const ahead: Instant = { at: NOW + 30 * DAY_MS, clock: "unset" };
  const refusing = taking(memory, 17, (n) => command(`x${n}`, "no-such-kind", until), ahead);
  expect(take(refusing.memory, command("c0", "ping", until), at(NOW + 3_600_000)).ran).toBe(false);
});
