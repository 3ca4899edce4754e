import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBoardFramer } from "../../firmware-bridge/framer.ts";
import {
  decodeFromBoard,
  encodeFromBoard,
  encodeToBoard,
  type FromBoard,
} from "../../firmware-bridge/protocol.ts";
import { UPDATE_STATES } from "../../firmware-bridge/from-board.ts";
import { LAMP_PATTERNS, LOOP_STATES } from "../../src/domain/panic.ts";

const u8 = fc.nat(255);
const u16 = fc.nat(65_535);
const u32 = fc.nat(0xffff_fffe);
const board = u32.map((id) => id.toString(16).padStart(8, "0"));
const state = fc.constantFrom(...LOOP_STATES);
const beat = {
  kind: fc.constant("heartbeat" as const),
  board,
  uptimeS: u32,
  loops: fc.tuple(state, state, state, state),
  supplyMv: u16,
  resetCause: u8,
  pending: u8,
  pattern: u8,
  levels: fc.tuple(u8, u8, u8, u8),
};
const BEAT_1_2 = [
  "kind",
  "board",
  "uptimeS",
  "loops",
  "supplyMv",
  "resetCause",
  "pending",
  "pattern",
] as const;
const message: fc.Arbitrary<FromBoard> = fc.oneof(
  fc.record({
    kind: fc.constant("supply" as const),
    board,
    answer: fc.constantFrom("asked" as const, "done" as const, "refused" as const),
    calibrated: fc.boolean(),
    supplyMv: u16,
    reference: u16,
  }),
  fc.record(
    { ...beat, supplyCalibrated: fc.boolean(), lampReading: u8 },
    { requiredKeys: [...BEAT_1_2, "levels", "supplyCalibrated"] },
  ),
  fc.record({
    kind: fc.constant("update" as const),
    board,
    state: fc.constantFrom(...UPDATE_STATES),
    loader: fc.constantFrom("none" as const, "ours" as const, "other" as const),
    seal: fc.record({ bytes: u16, crc: u32 }),
  }),
  fc.record({
    kind: fc.constant("hello" as const),
    protocol: u8,
    firmware: fc.tuple(u8, u8).map(([major, minor]) => `${major}.${minor}`),
    board,
    lastNumber: u32,
    loops: u8,
    resetCause: u8,
    uptimeS: u32,
  }),
  fc.record({
    kind: fc.constant("press" as const),
    press: fc.record(
      { board, number: u32, loop: u8, count: u8, ageMs: u32 },
      { requiredKeys: ["board", "number", "loop", "count"] },
    ),
  }),
  fc.record(beat, { requiredKeys: [...BEAT_1_2] }),
  fc.record(
    { kind: fc.constant("loop" as const), loop: u8, state, level: u8 },
    { requiredKeys: ["kind", "loop", "state"] },
  ),
  fc.record({
    kind: fc.constant("loop" as const),
    loop: u8,
    state,
    level: u8,
    release: fc.record({ number: u32, heldMs: u32 }),
  }),
);

const hear = (chunks: Iterable<Uint8Array>) => {
  const messages: (FromBoard | undefined)[] = [];
  const firmata: number[] = [];
  let broken = 0;
  const receive = createBoardFramer({
    panic: (body) => void messages.push(decodeFromBoard(body)),
    firmata: (bytes) => void firmata.push(...bytes),
    broken: () => void broken++,
  });
  for (const chunk of chunks) receive(chunk);
  return { messages, firmata, broken };
};

describe("messages of the board", () => {
  test("come back as they were, split anywhere", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), fc.array(fc.nat(300)), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(encodeFromBoard));
        const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted(
          (a, b) => a - b,
        );
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect(hear(chunks)).toEqual({ messages: sent, firmata: [], broken: 0 });
      }),
    );
  });

  test("with any byte changed are no other message", () => {
    fc.assert(
      fc.property(message, fc.nat(100), fc.integer({ min: 1, max: 255 }), (sent, place, flip) => {
        const bytes = encodeFromBoard(sent);
        bytes[place % bytes.length]! ^= flip;
        for (const heard of hear([bytes]).messages) expect(heard ?? sent).toEqual(sent);
      }),
    );
  });

  test("cut short by a reset are given up, and what follows is heard", () => {
    fc.assert(
      fc.property(message, message, fc.nat(100), (first, second, cut) => {
        const bytes = encodeFromBoard(first);
        const begun = bytes.subarray(0, 2 + (cut % (bytes.length - 2)));
        const { messages, broken } = hear([begun, encodeFromBoard(second)]);
        expect([messages, broken]).toEqual([[second], 1]);
      }),
    );
  });

  test("no bytes make the framer throw or grow, and Firmata's pass through as they are", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 10 }), (chunks) => {
        const { firmata, messages } = hear(chunks);
        const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        expect(firmata.length).toBeLessThanOrEqual(total);
        for (const heard of messages) if (heard) expect(encodeFromBoard(heard).length).toBeLessThan(100);
      }),
    );
    const report = Uint8Array.of(0xf9, 2, 5, 0xf0, 0x79, 1, 0, 0x61, 0, 0xf7, 0x91, 1, 0);
    expect(hear([report, encodeFromBoard({ kind: "loop", loop: 1, state: "open" }), report])).toEqual({
      messages: [{ kind: "loop", loop: 1, state: "open" }],
      firmata: [...report, ...report],
      broken: 0,
    });
  });

  test("a day of heartbeats over a line with bit errors: no press is heard that was not sent", () => {
    const random = fc.sample(fc.nat(2 ** 31 - 1), { numRuns: 1, seed: 11 })[0]!;
    let seed = random;
    const next = () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0);
    let heartbeats = 0;
    let others = 0;
    const receive = createBoardFramer({
      panic(body) {
        const heard = decodeFromBoard(body);
        if (heard?.kind === "heartbeat") heartbeats++;
        else if (heard) others++;
      },
      firmata: () => undefined,
      broken: () => undefined,
    });
    for (let second = 0; second < 86_400; second++) {
      const bytes = encodeFromBoard({
        kind: "heartbeat",
        board: "0badcafe",
        uptimeS: second,
        loops: ["normal", "normal", "normal", "normal"],
        supplyMv: 5000,
        resetCause: 1,
        pending: 0,
        pattern: 0,
      });
      if (second % 3 === 0) bytes[next() % bytes.length]! ^= 1 << (next() % 8);
      if (second % 7 === 0) bytes[next() % bytes.length]! ^= next() % 256;
      receive(bytes);
    }
    process.stdout.write(
      `86,400 heartbeats, 40 % with bit errors: ${heartbeats} heard, ${others} taken for another message\n`,
    );
    expect(others).toBe(0);
    expect(heartbeats).toBeGreaterThan(50_000);
  });

  test("what is said to the board is what PROTOCOL.md says", () => {
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
    expect(text(encodeToBoard({ kind: "query" }))).toMatch(/^f00b4000[0-7][0-9a-f]{7}f7$/);
    expect(text(encodeToBoard({ kind: "confirm", number: 0x81 }))).toMatch(/^f00b41040101000000000000/);
    const numbers = { idle: 0, stored: 1, sent: 2, received: 3, accepted: 4, fault: 5, silent: 6 };
    const newer = { "no-link": 8, done: 10, refused: 11 };
    for (const pattern of LAMP_PATTERNS) {
      const number = { ...numbers, ...newer }[pattern].toString(16);
      const show = {
        kind: "show",
        pattern,
        quiet: true,
        drill: false,
        darkLoops: [],
        mayTest: false,
      } as const;
      expect(text(encodeToBoard(show))).toContain(`f00b42030${number}0001000000`);
    }
    const drill = {
      kind: "show",
      pattern: "idle",
      quiet: false,
      drill: true,
      darkLoops: [0, 3],
      mayTest: false,
    } as const;
    expect(text(encodeToBoard(drill))).toContain("f00b4203000002000900");
  });
});
