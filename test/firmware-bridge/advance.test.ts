import { describe, expect, test } from "vitest";
import { advance } from "../../firmware-bridge/advance.ts";
import type { FromBoard } from "../../firmware-bridge/protocol.ts";
import {
  healthOf,
  INITIAL,
  type BoardState,
  type Effect,
  type Input,
  type Setting,
} from "../../firmware-bridge/state.ts";
import type { LampPattern, LoopState } from "../../src/domain/panic.ts";

const SETTING: Setting = {
  path: "/dev/board",
  loops: [0, 1],
  darkLoops: [1],
  bauds: [38_400, 57_600],
  mayTest: false,
  lampSense: true,
  timing: { refreshMs: 1_000, identifyMs: 3_000, silentMs: 4_000 },
};
const BOARD = "0badcafe";

type Hello = Extract<FromBoard, { kind: "hello" }>;
const hello = (changes: Partial<Hello> = {}): FromBoard => ({
  kind: "hello",
  protocol: 1,
  firmware: "1.2",
  board: BOARD,
  lastNumber: 7,
  loops: 4,
  resetCause: 1,
  uptimeS: 60,
  ...changes,
});
const heartbeat = (pattern = 0): Extract<FromBoard, { kind: "heartbeat" }> => ({
  kind: "heartbeat",
  board: BOARD,
  uptimeS: 61,
  supplyMv: 5_000,
  resetCause: 1,
  pending: 0,
  pattern,
  loops: ["normal", "normal", "normal", "normal"],
});
const press: FromBoard = { kind: "press", press: { board: BOARD, number: 8, loop: 0, count: 1, ageMs: 5 } };
const name = (text: string): Uint8Array =>
  Uint8Array.from([0xf0, 0x79, 2, 5, ...[...Buffer.from(text)].flatMap((c) => [c, 0]), 0xf7]);

/** One host after another input; `effects` are those of the last one. */
const after = (...inputs: Input[]): { state: BoardState; effects: readonly Effect[] } =>
  inputs.reduce<{ state: BoardState; effects: readonly Effect[] }>(
    ({ state }, input) => advance(state, input, SETTING),
    { state: INITIAL, effects: [] },
  );
const opened: Input = { is: "opened", at: 0 };
const message = (at: number, said: FromBoard): Input => ({ is: "message", at, message: said });
const named = (at: number, text: string): Input => ({ is: "firmata", at, bytes: name(text) });
const tick = (at: number): Input => ({ is: "tick", at });
/** A tick each second, as the bridge gives them. */
const ticks = (from: number, to: number): Input[] =>
  Array.from({ length: Math.floor((to - from) / 1_000) + 1 }, (_, n) => tick(from + n * 1_000));
const wish = (pattern: LampPattern, drill = false): Input => ({
  is: "wish",
  wish: { pattern, quiet: false, drill },
});
const kinds = (effects: readonly Effect[]): string[] =>
  effects.map((effect) => (effect.do === "send" ? effect.message.kind : effect.do));

describe("what the board is", () => {
  test("is asked as soon as the line is open", () => {
    expect(kinds(after(opened).effects)).toEqual(["reset-firmata", "query"]);
  });

  test("is settled by a hello: its number is passed on, and the lamp set", () => {
    const { state, effects } = after(opened, message(10, hello()));
    expect(kinds(effects)).toEqual(["hello", "answered", "show"]);
    expect(effects[0]).toEqual({ do: "hello", board: BOARD, lastNumber: 7 });
    expect(healthOf(state)).toEqual({
      connected: true,
      firmware: "1.2",
      uptimeS: 60,
      resetCause: "power",
      resetsInHour: 0,
    });
  });

  test("was perhaps reset by somebody to whom the line was lent: that is no reset of its own", () => {
    const lent: Input = { is: "ended" };
    const hot: Input = { is: "ended", fault: { code: "unplugged", detail: "gone" } };
    const resets = (end: Input) => {
      const started = { ...hello(), uptimeS: 2 };
      return healthOf(after(opened, message(10, hello()), end, opened, message(20_000, started)).state);
    };
    expect(resets(lent).resetsInHour).toBe(0);
    expect(resets(hot).resetsInHour).toBe(1);
  });

  test("is asked at the other rate a second after bytes came and nothing valid, and so on", () => {
    const noise: Input = { is: "firmata", at: 500, bytes: Uint8Array.of(0x80, 0x3c, 0xff) };
    const quiet = after(opened, tick(1_000));
    expect(kinds(quiet.effects)).not.toContain("retune");
    const first = after(opened, noise, tick(1_000));
    expect(first.effects.at(-1)).toEqual({ do: "retune", baud: 57_600 });
    const asked = advance(first.state, { is: "retuned" }, SETTING);
    expect(kinds(asked.effects)).toEqual(["reset-firmata", "query", "ask-name"]);
    const still = advance(asked.state, tick(2_000), SETTING);
    expect(kinds(still.effects)).not.toContain("retune");
    const again = after(opened, noise, tick(1_000), noise, tick(2_000));
    expect(again.effects.at(-1)).toEqual({ do: "retune", baud: 38_400 });
  });

  test("is asked once whether it is our boot loader, at its rate and before it is called silent", () => {
    const asked = after(opened, ...ticks(1_000, 3_000));
    expect(asked.effects).toEqual([{ do: "ask-loader" }]);
    const all = [opened, ...ticks(1_000, 9_000)].map((_, n, inputs) => after(...inputs.slice(0, n + 1)));
    expect(all.filter(({ effects }) => kinds(effects).includes("ask-loader"))).toHaveLength(1);
    const atOtherRate = advance({ ...after(opened).state, rate: 1 }, tick(3_000), SETTING);
    expect(kinds(atOtherRate.effects)).not.toContain("ask-loader");
    expect(
      kinds(after(opened, named(500, "StandardFirmata.ino"), ...ticks(1_000, 3_000)).effects),
    ).not.toContain("ask-loader");
  });

  test("is a board without a firmware if the boot loader answers, however its bytes come", () => {
    const heard = (...chunks: number[][]): Input[] =>
      chunks.map((bytes) => ({ is: "firmata", at: 3_010, bytes: Uint8Array.from(bytes) }));
    for (const chunks of [[[0x14, 0x10]], [[0x14], [0x10]], [[0x00, 0x14, 0x10]]]) {
      const known = [opened, ...ticks(1_000, 3_000), ...heard(...chunks)];
      const detail = expect.stringContaining("flash firmware");
      expect(after(...known).effects).toEqual([{ do: "fault", code: "boot-loader", detail }]);
      const later = after(...known, ...ticks(4_000, 8_000));
      expect(later.effects.at(-1)).toEqual({ do: "close", code: "boot-loader", detail });
      expect(kinds(later.effects)).not.toContain("fault");
      expect(kinds(after(...known, message(4_500, hello())).effects)).toContain("recovered");
    }
    for (const chunks of [[[0x14, 0x11]], [[0x10]], [[0x14]]])
      expect(after(opened, ...ticks(1_000, 3_000), ...heard(...chunks)).effects).toEqual([]);
    const unasked = after(opened, ...ticks(1_000, 2_000), ...heard([0x14, 0x10]));
    expect(unasked.effects).toEqual([]);
  });

  test("is not called silent on the next line while its boot loader may still answer", () => {
    const answer: Input = { is: "firmata", at: 3_010, bytes: Uint8Array.of(0x14, 0x10) };
    const closed: Input = { is: "ended", fault: { code: "boot-loader", detail: "" } };
    const late = [opened, ...ticks(1_000, 3_000), answer, ...ticks(4_000, 8_000), closed];
    const next: Input[] = [{ is: "opened", at: 9_000 }, ...ticks(10_000, 16_000)];
    const faults = next.map((_, n) => kinds(after(...late, ...next.slice(0, n + 1)).effects));
    expect(faults.flat()).not.toContain("fault");
    const gone = advance(after(...late, ...next).state, tick(17_000), SETTING);
    expect(gone.effects.at(-1)).toMatchObject({ do: "close", code: "silent" });
  });

  test("is asked at each rate in turn once it has been quiet for four seconds", () => {
    const rates = [4_000, 5_000, 6_000].map((at) =>
      after(opened, ...ticks(1_000, at)).effects.find((effect) => effect.do === "retune"),
    );
    expect(rates).toEqual([57_600, 38_400, 57_600].map((baud) => ({ do: "retune", baud })));
  });

  test("keeps its rate once it is known, also for the next line", () => {
    const noise: Input = { is: "firmata", at: 500, bytes: Uint8Array.of(0x80) };
    const known = [opened, noise, tick(1_000), message(1_010, hello())];
    expect(kinds(after(...known, noise, ...ticks(2_000, 9_000)).effects)).not.toContain("retune");
    expect(after(...known, { is: "ended" }, { is: "opened", at: 10_000 }).state.rate).toBe(1);
    // A retune that is done only then asks nothing.
    expect(after(...known, { is: "retuned" }).effects).toEqual([]);
    const named_ = [opened, named(500, "StandardFirmata.ino"), noise];
    expect(kinds(after(...named_, ...ticks(1_000, 4_000)).effects)).not.toContain("retune");
  });

  test("is not silent while johnny-five is being loaded, or once another firmware has said its name", () => {
    const once = [opened, ...ticks(1_000, 3_000), named(3_100, "StandardFirmata.ino")];
    expect(kinds(after(...once, ...ticks(4_000, 5_000)).effects)).not.toContain("fault");
    const twice = [...once, named(3_200, "StandardFirmata.ino")];
    expect(kinds(after(...twice, ...ticks(4_000, 10_000)).effects)).toEqual(["query"]);
  });

  test("is asked again when another message comes first; its press waits for the answer", () => {
    const { state, effects } = after(opened, message(10, press));
    expect(kinds(effects)).toEqual(["query"]);
    expect(healthOf(state).connected).toBe(false);
    expect(
      kinds(after(opened, message(10, press), message(20, hello()), message(30, press)).effects),
    ).toEqual(["press"]);
  });

  test("is not another firmware after one foreign name, and not after two different ones", () => {
    expect(kinds(after(opened, named(5, "patrml-panic")).effects)).toEqual(["query", "ask-name"]);
    expect(kinds(after(opened, named(5, "patrml-panic"), named(9, "patrol-panic")).effects)).toEqual([
      "query",
    ]);
    const { state } = after(opened, named(5, "patrml-panic"), named(9, "patrol-ranic"));
    expect(state.connection.is).toBe("greeting");
  });

  test("of a press on another firmware the age is unknown if the process has just stood still", () => {
    const stock: Input[] = [
      opened,
      named(5, "StandardFirmata.ino"),
      named(9, "StandardFirmata.ino"),
      { is: "attached" },
      ...ticks(1_000, 3_000),
    ];
    const pressAt = (at: number): Input => ({ is: "stock-press", at, loop: 1 });
    const known = { board: "stock", number: 0, loop: 1, count: 1, ageMs: 0 };
    const unknown = { board: "stock", number: 0, loop: 1, count: 1 };
    const pressOf = (...inputs: Input[]) => after(...stock, ...inputs).effects;
    expect(pressOf(pressAt(3_500))).toEqual([{ do: "press", press: known }]);
    expect(pressOf(pressAt(20_000))).toEqual([{ do: "press", press: unknown }]);
    expect(pressOf(tick(20_000), pressAt(20_010))).toEqual([{ do: "press", press: unknown }]);
    expect(pressOf(tick(20_000), tick(21_000), pressAt(21_500))).toEqual([{ do: "press", press: known }]);
  });

  test("is another firmware after the same foreign name twice", () => {
    const twice = [opened, named(5, "StandardFirmata.ino"), named(9, "StandardFirmata.ino")];
    expect(kinds(after(...twice).effects)).toEqual(["attach"]);
    const { state, effects } = after(...twice, { is: "attached" });
    expect(kinds(effects)).toEqual(["fault", "show-stock"]);
    expect(effects[0]).toMatchObject({ code: "not-ours" });
    expect(healthOf(state)).toEqual({ connected: true, firmware: "StandardFirmata 2.5", degraded: true });
    expect(
      kinds(after(...twice, { is: "attached" }, { is: "stock-press", at: 20, loop: 1 }).effects),
    ).toEqual(["press"]);
  });

  test.each([
    ["while johnny-five is being loaded", [] as Input[]],
    ["while johnny-five serves it", [{ is: "attached" }] as Input[]],
  ])("is ours with the first valid message, %s", (_, loaded) => {
    const twice = [opened, named(5, "patrml-panic"), named(9, "patrml-panic"), ...loaded];
    const { state, effects } = after(...twice, message(20, heartbeat(7)));
    expect(effects[0]).toEqual({ do: "detach", reset: true });
    expect(kinds(effects)).toEqual(["detach", "query", "show"]);
    expect(state.connection.is).toBe("ours");
    // What johnny-five still says counts no more.
    expect(advance(state, { is: "attached" }, SETTING)).toEqual({ state, effects: [] });
    expect(advance(state, { is: "stock-press", at: 20, loop: 0 }, SETTING).effects).toEqual([]);
  });
});

describe("faults", () => {
  const fault = (code: "absent" | "unplugged"): Input => ({ is: "ended", fault: { code, detail: code } });

  test("are reported once, and an unplugged board is not absent as well", () => {
    expect(kinds(after(fault("absent")).effects)).toEqual(["fault"]);
    expect(kinds(after(fault("absent"), fault("absent")).effects)).toEqual([]);
    expect(kinds(after(opened, fault("unplugged"), fault("absent")).effects)).toEqual([]);
    expect(kinds(after(opened, fault("unplugged"), opened, message(1, hello())).effects)).toContain(
      "recovered",
    );
  });

  test("silence is one after four seconds; after eight the line is opened anew", () => {
    const known = [opened, message(10, hello()), message(20, heartbeat())];
    expect(kinds(after(...known, ...ticks(1_000, 4_000)).effects)).toEqual(["show"]);
    const { state, effects } = after(...known, ...ticks(1_020, 4_020));
    expect(kinds(effects)).toEqual(["show", "fault"]);
    expect(healthOf(state).connected).toBe(false);
    expect(kinds(after(...known, ...ticks(1_020, 8_020)).effects)).toEqual(["query", "show", "close"]);
  });

  test("time in which the process stood still is no silence", () => {
    const known = [opened, message(10, hello()), message(20, heartbeat()), ...ticks(1_000, 3_000)];
    expect(kinds(after(...known, tick(43_000)).effects)).toEqual(["show"]);
    const { state, effects } = after(...known, tick(43_000), message(43_001, press));
    expect(kinds(effects)).toEqual(["press"]);
    expect(healthOf(state).connected).toBe(true);
    // The board's own silence counts on.
    expect(kinds(after(...known, ...ticks(43_000, 44_000)).effects)).toEqual(["show", "fault"]);
  });

  test("a silent board is asked for a hello with its next message", () => {
    const silent = [opened, message(10, hello()), ...ticks(1_010, 4_010)];
    expect(kinds(after(...silent, message(5_000, press)).effects)).toEqual(["query"]);
    expect(kinds(after(...silent, message(5_000, hello())).effects)).toContain("recovered");
  });

  test("a missing hello is asked for again only when the last query may have been lost", () => {
    const asked = [opened, message(10, press)];
    expect(kinds(after(...asked, message(109, press)).effects)).toEqual([]);
    expect(kinds(after(...asked, message(109, press), message(110, press)).effects)).toEqual(["query"]);
  });

  test("another protocol is one, and stays one", () => {
    const older = [opened, message(10, hello({ protocol: 0 }))];
    expect(after(...older).effects).toContainEqual(
      expect.objectContaining({ do: "fault", code: "protocol" }),
    );
    expect(kinds(after(...older, message(20, hello({ protocol: 0 }))).effects)).not.toContain("recovered");
  });
});

describe("the loops", () => {
  const loop = (index: number, state: LoopState): FromBoard => ({ kind: "loop", loop: index, state });

  test("that change before the first heartbeat are in the health at once", () => {
    const { state, effects } = after(opened, message(10, hello()), message(20, loop(1, "open")));
    expect(effects).toEqual([{ do: "loop", loop: 1, state: "open" }]);
    expect(healthOf(state).loops).toEqual(["normal", "open", "normal", "normal"]);
  });

  test("without a button are in the health, and not reported", () => {
    const { state, effects } = after(opened, message(10, hello()), message(20, loop(2, "short")));
    expect(effects).toEqual([]);
    expect(healthOf(state).loops?.[2]).toBe("short");
  });

  test("that changed while the line was closed are reported with the next heartbeat, once", () => {
    const before = [opened, message(10, hello()), message(20, loop(0, "open")), { is: "ended" } as const];
    const back = [...before, opened, message(30, hello()), message(40, heartbeat())];
    expect(after(...back).effects).toEqual([{ do: "loop", loop: 0, state: "normal" }]);
    expect(after(...back, message(50, heartbeat())).effects).toEqual([]);
  });

  test("that are degraded are reported with the volts at the input", () => {
    const levels = [128, 154, 128, 128];
    const loops: LoopState[] = ["normal", "degraded", "normal", "normal"];
    const beat = message(20, { ...heartbeat(), loops, levels });
    const once: FromBoard = { kind: "loop", loop: 1, state: "degraded", level: 154 };
    const reported = [{ do: "loop", loop: 1, state: "degraded", level: (154 * 5) / 256 }];
    expect(after(opened, message(10, hello()), beat).effects.slice(0, 1)).toEqual(reported);
    expect(after(opened, message(10, hello()), message(20, once)).effects).toEqual(reported);
    const volts = [2.5, (154 * 5) / 256, 2.5, 2.5];
    expect(healthOf(after(opened, message(10, hello()), beat).state).levelsV).toEqual(volts);
  });

  test("that this unit does not know are ignored", () => {
    expect(after(opened, message(10, hello()), message(20, loop(4, "open"))).effects).toEqual([]);
  });
});

describe("a release", () => {
  const release = { number: 8, heldMs: 200 };
  const loop: FromBoard = { kind: "loop", loop: 0, state: "normal", level: 128, release };
  const released = { do: "released", release: { board: BOARD, ...release } };

  test("is reported with the board's id", () => {
    const { effects } = after(opened, message(10, hello()), message(20, press), message(220, loop));
    expect(effects).toEqual([released]);
  });

  test("whose press the line lost at first follows the press", () => {
    const early = after(opened, message(10, hello()), message(220, loop), message(270, press)).effects;
    expect(early).toEqual([{ do: "press", press: expect.objectContaining({ number: 8 }) }, released]);
  });

  test("before the hello follows the press too", () => {
    const before = [opened, message(10, press), message(220, loop)];
    expect(kinds(after(...before).effects)).toEqual(["query"]);
    const effects = after(...before, message(230, hello()), message(270, press)).effects;
    expect(kinds(effects)).toEqual(["press", "released"]);
  });

  test("is not that of another press, nor of a press of another board", () => {
    const heard = [opened, message(10, hello()), message(20, press), message(220, loop)];
    const [, other] = [8, 9].map((number): FromBoard => ({
      kind: "press",
      press: { board: BOARD, number, loop: 0, count: 1, ageMs: 5 },
    }));
    expect(kinds(after(...heard, message(900, other!)).effects)).toEqual(["press"]);
    const foreign = hello({ board: "0badf00d" });
    const theirs: FromBoard = { kind: "press", press: { board: "0badf00d", number: 8, loop: 0, count: 1 } };
    expect(kinds(after(...heard, message(900, foreign), message(910, theirs)).effects)).toEqual(["press"]);
  });

  test("of a loop that this unit does not know is ignored", () => {
    expect(after(opened, message(10, hello()), message(20, { ...loop, loop: 4 })).effects).toEqual([]);
  });
});

describe("a board that opening its port has reset", () => {
  const first = (at: number, changes: Partial<Hello>) => after(opened, message(at, hello(changes))).effects;
  const reset = expect.objectContaining({ do: "fault", code: "reset-by-opening" });

  test.each([
    ["by the reset line, without a boot loader", 80, { resetCause: 2, uptimeS: 0 }],
    ["by the reset line, after a second in its boot loader", 1_700, { resetCause: 2, uptimeS: 0 }],
    ["by a boot loader that clears the cause", 1_700, { resetCause: 0, uptimeS: 0 }],
  ])("is a fault: %s", (_, at, changes) => {
    expect(first(at, changes)).toContainEqual(reset);
  });

  test.each([
    ["has been up for long", 80, { resetCause: 2, uptimeS: 90 }],
    ["was powered up just now", 1_700, { resetCause: 1, uptimeS: 0 }],
    ["powered up, with the reset line seen as well", 80, { resetCause: 3, uptimeS: 0 }],
    [
      "cannot say why it started, and may have been plugged in just before",
      80,
      { resetCause: 0, uptimeS: 0 },
    ],
    ["was reset by hand long after the opening", 60_000, { resetCause: 2, uptimeS: 2 }],
  ])("is none: it %s", (_, at, changes) => {
    expect(first(at, changes)).not.toContainEqual(reset);
  });

  test("is reported with what to do, until an opening does not reset it", () => {
    const wasReset = [opened, message(80, hello({ resetCause: 2, uptimeS: 0 }))];
    expect(after(...wasReset).effects.find((effect) => effect.do === "fault")?.detail).toBe(
      "opening /dev/board has reset the panic board, which sees no press for about a second: cut the trace of its DTR capacitor, or remove the reset jumper",
    );
    expect(kinds(after(...wasReset, message(5_000, hello({ uptimeS: 5 }))).effects)).not.toContain(
      "recovered",
    );
    const again = [...wasReset, { is: "ended" } as const, opened, message(10, hello({ resetCause: 2 }))];
    expect(kinds(after(...again).effects)).toContain("recovered");
  });
});

describe("the lamp", () => {
  const shown = (firmware: string, pattern: LampPattern) =>
    after(opened, message(10, hello({ firmware })), wish(pattern)).effects;

  test("is told with the dark loops and whether it is a drill", () => {
    expect(after(opened, message(10, hello()), wish("sent", true)).effects).toEqual([
      {
        do: "send",
        message: { kind: "show", pattern: "sent", quiet: false, drill: true, darkLoops: [1], mayTest: false },
      },
    ]);
  });

  test.each([
    ["no-link", "idle"],
    ["done", "idle"],
    ["refused", "fault"],
    ["accepted", "accepted"],
  ] as const)("of firmware 1.1 shows %s as %s, and is not told again for that", (pattern, older) => {
    expect(shown("1.1", pattern)).toMatchObject([{ message: { pattern: older } }]);
    expect(shown("1.2", pattern)).toMatchObject([{ message: { pattern } }]);
    const number = { idle: 0, fault: 5, accepted: 4 }[older];
    const told = [opened, message(10, hello({ firmware: "1.1" })), wish(pattern)];
    expect(after(...told, message(20, heartbeat(number))).effects).toEqual([]);
  });

  test("is told again when a heartbeat shows another pattern", () => {
    expect(
      kinds(after(opened, message(10, hello()), wish("sent"), message(20, heartbeat(7))).effects),
    ).toEqual(["show"]);
  });

  test("is told each second", () => {
    expect(kinds(after(opened, message(10, hello()), tick(1_000)).effects)).toEqual(["show"]);
  });
});

describe("a confirmation", () => {
  const OTHER = "0ddba11e";
  const confirm = (number: number, board = BOARD): Input => ({ is: "confirm", board, number });
  const met = [opened, message(10, hello())];

  test("is sent to the board whose press it is", () => {
    expect(kinds(after(...met, confirm(8)).effects)).toEqual(["confirm"]);
  });

  test("of a press that has no number is not sent", () => {
    expect(after(...met, confirm(0)).effects).toEqual([]);
  });

  test("is not sent to another board, which may have a press of its own with this number", () => {
    expect(after(...met, confirm(8, OTHER)).effects).toEqual([]);
    const replaced = [{ is: "ended" } as const, { is: "opened", at: 20 } as const];
    expect(after(...met, ...replaced, confirm(8)).effects).toEqual([]);
    expect(after(...met, ...replaced, message(30, hello({ board: OTHER })), confirm(8)).effects).toEqual([]);
  });

  test("is not sent to a board that was plugged in behind the open line, and its hello is asked for", () => {
    const press8: FromBoard = {
      kind: "press",
      press: { board: OTHER, number: 8, loop: 0, count: 1, ageMs: 5 },
    };
    const swapped = after(...met, message(20, press8));
    expect(kinds(swapped.effects)).toEqual(["query"]);
    expect(after(...met, message(20, press8), confirm(8)).effects).toEqual([]);
  });
});

test("nothing that comes after the line has ended counts", () => {
  const { state } = after(opened, message(10, hello()), { is: "ended" });
  for (const input of [message(20, press), named(20, "x"), tick(20), { is: "attached" } as const])
    expect(advance(state, input, SETTING)).toEqual({ state, effects: [] });
});
