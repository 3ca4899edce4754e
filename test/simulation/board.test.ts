import { expect, test } from "vitest";
import { createBoardFramer } from "../../firmware-bridge/framer.ts";
import { decodeFromBoard, encodeToBoard, type FromBoard } from "../../firmware-bridge/protocol.ts";
import { Board, type BoardOptions } from "./board.ts";
import type { What } from "./facts.ts";
import { createDice } from "./random.ts";
import { SimulatedTime } from "./time.ts";

const openHarness = (options: Partial<BoardOptions> = {}) => {
  const time = new SimulatedTime(0);
  const facts: What[] = [];
  const observe = (what: What) => void facts.push(what);
  const board = new Board({ time, dice: createDice(1), observe, id: "1a2b3c4d", ...options });
  const heard: FromBoard[] = [];
  const ends: string[] = [];
  let garbled = 0;
  const open = async () => {
    const tty = await board.openLine();
    const receive = createBoardFramer({
      panic(body) {
        const message = decodeFromBoard(body);
        if (message) heard.push(message);
        else garbled++;
      },
      firmata: () => undefined,
      broken: () => garbled++,
    });
    void (async () => {
      try {
        for (;;) {
          const bytes = await tty.read();
          if (!bytes) break;
          receive(bytes);
        }
        ends.push("closed");
      } catch (error) {
        ends.push(String(error));
      }
    })();
    return tty;
  };
  return {
    time,
    facts,
    board,
    heard,
    ends,
    open,
    garbled: () => garbled,
    of: <K extends FromBoard["kind"]>(kind: K) =>
      heard.filter((one): one is Extract<FromBoard, { kind: K }> => one.kind === kind),
    wait: (ms: number) => time.run(time.mono() + ms),
  };
};
const show = (pattern: "idle" | "stored" | "sent") =>
  encodeToBoard({ kind: "show", pattern, quiet: false, drill: false, darkLoops: [], mayTest: false });

test("it says hello when asked, and lives by its heartbeat", async () => {
  const h = openHarness();
  const tty = await h.open();
  await h.wait(5_000);
  const before = h.of("hello").length;
  tty.write(encodeToBoard({ kind: "query" }));
  await h.wait(100);
  expect(h.of("hello")).toHaveLength(before + 1);
  expect(h.of("heartbeat").length).toBeGreaterThanOrEqual(3);
});

test("a press comes at once, then every 250 ms until it is confirmed", async () => {
  const h = openHarness();
  const tty = await h.open();
  await h.wait(2_000);
  h.board.press(1, 200);
  await h.wait(40);
  expect(h.of("press")).toMatchObject([{ press: { board: "1a2b3c4d", number: 1, loop: 1, count: 1 } }]);
  await h.wait(1_000);
  expect(h.of("press").length).toBeGreaterThanOrEqual(4);
  tty.write(encodeToBoard({ kind: "confirm", number: 1 }));
  await h.wait(50);
  const told = h.of("press").length;
  await h.wait(2_000);
  expect(h.of("press")).toHaveLength(told);
  expect(h.facts).toContainEqual({ what: "confirmed", press: "1a2b3c4d#1" });
});

test("a contact of less than 18 ms is no press; one of less than 50 ms need not arrive", async () => {
  const h = openHarness();
  await h.wait(2_000);
  h.board.press(0, 10);
  await h.wait(1_000);
  h.board.press(0, 30);
  await h.wait(1_000);
  h.board.press(0, 50);
  await h.wait(1_000);
  expect(h.facts.filter(({ what }) => what === "press")).toMatchObject([{ kept: false }, { kept: true }]);
});

test("a press survives a reset, with an unknown age; numbers go on 16 higher", async () => {
  const h = openHarness();
  await h.open();
  await h.wait(2_000);
  h.board.press(0, 100);
  await h.wait(500);
  h.board.reset("watchdog");
  await h.wait(2_000);
  const last = h.of("press").at(-1)!;
  expect(last.press).toEqual({ board: "1a2b3c4d", number: 1, loop: 0, count: 1 });
  h.board.press(0, 100);
  await h.wait(500);
  expect(h.of("press").at(-1)!.press.number).toBe(18);
  expect(h.facts.filter(({ what }) => what === "handed")).toMatchObject([
    { ageKnown: true },
    { ageKnown: false },
    { ageKnown: true },
  ]);
});

test("power that goes before the press is in the EEPROM takes it along; its number is not given again", async () => {
  const h = openHarness();
  await h.wait(2_000);
  h.board.press(0, 100);
  await h.wait(30);
  h.board.setPower(false);
  await h.wait(1_000);
  h.board.setPower(true);
  await h.wait(2_000);
  expect(h.board.waiting).toBe(0);
  expect(h.facts).toContainEqual({ what: "unkept", press: "1a2b3c4d#1" });
  h.board.press(0, 100);
  await h.wait(100);
  expect(h.facts).toContainEqual({ what: "press", press: "1a2b3c4d#17", kept: true });
});

test("a button that is held over a reset is a press of the new life as well", async () => {
  const h = openHarness();
  await h.wait(2_000);
  h.board.press(0, 5_000);
  await h.wait(500);
  h.board.reset("watchdog");
  await h.wait(2_000);
  expect(h.board.waiting).toBe(2);
});

test("sixteen presses wait, the newest counts the others", async () => {
  const h = openHarness();
  await h.open();
  await h.wait(2_000);
  for (let i = 0; i < 18; i++) {
    h.board.press(0, 60);
    await h.wait(100);
  }
  await h.wait(500);
  expect(h.board.waiting).toBe(16);
  const newest = h.of("press").findLast(({ press }) => press.number === 16);
  expect(newest?.press).toMatchObject({ count: 3 });
});

test("the lamp: no-host, the host's wish, latched by itself, and no-host again", async () => {
  const h = openHarness();
  const tty = await h.open();
  await h.wait(2_000);
  tty.write(show("idle"));
  await h.wait(1_000);
  h.board.press(0, 100);
  await h.wait(500);
  tty.write(show("stored"));
  tty.write(encodeToBoard({ kind: "confirm", number: 1 }));
  await h.wait(6_000);
  const lamps = h.facts.flatMap((fact) => (fact.what === "lamp" ? [fact.lamp] : []));
  expect(lamps).toEqual(["no-host", "idle", "latched", "stored", "no-host"]);
});

test("a release is said with its press and the time, one of no press and one from before a reset without", async () => {
  const h = openHarness();
  await h.open();
  await h.wait(2_000);
  const releases = async (ms: number) => {
    await h.wait(ms);
    return h.of("loop").flatMap(({ release }) => release ?? []);
  };
  h.board.press(1, 10);
  expect(await releases(500)).toEqual([]);
  h.board.press(1, 400);
  expect(await releases(1_000)).toEqual([{ number: 1, heldMs: 402 }]);
  expect(h.facts).toContainEqual(
    expect.objectContaining({ what: "released", press: "1a2b3c4d#1", heldMs: 400 }),
  );
  h.board.press(1, 5_000);
  await h.wait(1_000);
  h.board.reset("watchdog");
  // It is a press of the new life, which began a second after the reset.
  expect((await releases(6_000)).at(-1)).toMatchObject({ heldMs: 3_002 });
});

test("a cut loop is told after 200 ms, and no press comes from it", async () => {
  const h = openHarness();
  await h.open();
  await h.wait(2_000);
  h.board.wire(0, "open");
  await h.wait(300);
  h.board.press(0, 500);
  await h.wait(1_000);
  expect(h.of("loop")[0]).toEqual({ kind: "loop", loop: 0, state: "open" });
  expect(h.of("press")).toEqual([]);
});

test("a line that is pulled out fails the read, and cannot be opened until it is back", async () => {
  const h = openHarness();
  await h.open();
  await h.wait(2_000);
  h.board.unplug();
  await h.wait(10);
  expect(h.ends[0]).toMatch(/hung up/);
  await expect(h.board.openLine()).rejects.toThrow(/ENOENT/);
  h.board.plug();
  await h.open();
  const before = h.of("heartbeat").length;
  await h.wait(2_000);
  expect(h.of("heartbeat").length).toBeGreaterThan(before);
});

test("noise garbles messages, and what matters gets through in the end", async () => {
  const h = openHarness();
  await h.open();
  await h.wait(2_000);
  h.board.setNoise(0.01);
  h.board.press(0, 100);
  await h.wait(10_000);
  expect(h.garbled()).toBeGreaterThan(0);
  expect(h.of("press").some(({ press }) => press.number === 1)).toBe(true);
});

test("a board with its DTR capacitor is reset when the port is opened", async () => {
  const h = openHarness({ resetsOnOpen: true });
  await h.wait(10_000);
  await h.open();
  await h.wait(1_500);
  expect(h.of("hello")[0]).toMatchObject({ resetCause: 2, uptimeS: 0 });
});
