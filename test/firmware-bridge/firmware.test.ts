import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { crc16 } from "../../firmware-bridge/crc.ts";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { readHex } from "../../firmware-bridge/simulator/hex.ts";
import { BOARD_FIRMWARE } from "../../src/domain/panic.ts";
import { createRandom } from "../../src/demo/random.ts";
import { makeNoise, numbers, openFirmwareBench, presses, show, type FirmwareBench } from "./bench.ts";

/** A host that confirms every press at once. */
const confirming = (seed = 1): FirmwareBench =>
  openFirmwareBench({
    seed,
    onMessage(message, bench) {
      if (message.kind === "press") bench.say({ kind: "confirm", number: message.press.number });
    },
  });
const compiler = (() => {
  try {
    return execFileSync("avr-gcc", ["-dumpversion"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
})();

describe("the released image", () => {
  test.skipIf(compiler === undefined)(`is what the source beside it builds (avr-gcc ${compiler})`, () => {
    const folder = mkdtempSync(join(tmpdir(), "firmware-"));
    cpSync("firmware-bridge/firmware", folder, { recursive: true });
    execFileSync("make", ["-C", folder, "clean", "all"], { stdio: "pipe" });
    expect(readFileSync(join(folder, "build/panic-board.hex"), "utf8")).toBe(
      readFileSync(releasedImage(), "utf8"),
    );
  });

  test("that is damaged is refused, with the line", () => {
    expect(() => readHex(":00000001FF\nrubbish")).toThrow("line 2 of the image: not Intel HEX");
    expect(() => readHex(":0100000001FF")).toThrow("line 1 of the image: wrong checksum");
    expect(() => readHex(":0200000001FD")).toThrow(
      "line 1 of the image: its length does not match its length field",
    );
  });
});

describe("a press", () => {
  test("is told within 40 ms of the contact, and repeated every 250 ms until it is confirmed", () => {
    const bench = openFirmwareBench();
    bench.pass(2000);
    const at = bench.board.nowMs;
    bench.board.press(2, 200);
    bench.pass(1100);
    const told = bench.heard.filter(({ message }) => message.kind === "press");
    expect(told[0]!.atMs - at).toBeLessThan(40);
    expect(told.length).toBeGreaterThanOrEqual(5);
    for (let i = 2; i < told.length; i++) {
      // A heartbeat in front of it takes 15 ms.
      const offMs = Math.abs(told[i]!.atMs - told[i - 1]!.atMs - 250);
      expect(offMs, `repeat ${i}`).toBeLessThan(16);
    }
    expect(numbers(bench)).toEqual(new Set([1]));
    expect(presses(bench).every(({ loop, count }) => loop === 2 && count === 1)).toBe(true);
    // It says since when: the age grows with each repeat.
    expect(presses(bench).at(-1)!.ageMs! - presses(bench)[0]!.ageMs!).toBeGreaterThan(750);
    bench.say({ kind: "confirm", number: 1 });
    bench.pass(10);
    bench.heard.length = 0;
    bench.pass(1200);
    expect(presses(bench)).toEqual([]);
    expect(bench.of("heartbeat").at(-1)!.pending).toBe(0);
  });

  test("is told within 35 ms of the contact, also if it comes just before a heartbeat", () => {
    const bench = confirming();
    bench.pass(1_500);
    const beatMs = bench.heard.find(({ message }) => message.kind === "heartbeat")!.atMs;
    const told: number[] = [];
    for (let beforeMs = 50; beforeMs > 0; beforeMs -= 1.3) {
      bench.board.run(beatMs + 1_000 * (told.length + 1) - beforeMs);
      const at = bench.board.nowMs;
      bench.heard.length = 0;
      bench.board.touch(told.length % 4, 100);
      bench.pass(300);
      const first = bench.heard.find(({ message }) => message.kind === "press");
      told.push((first?.atMs ?? Infinity) - at);
    }
    const sorted = told.toSorted((a, b) => a - b);
    const middle = sorted[sorted.length >> 1]!;
    process.stdout.write(`told after ${middle.toFixed(1)} ms, at most ${sorted.at(-1)!.toFixed(1)} ms\n`);
    expect(sorted.at(-1)).toBeLessThan(35);
    expect(bench.of("heartbeat").length).toBeGreaterThan(0);
  }, 240_000);

  test("is reported when its contact opens, once, with the time for which it was closed", () => {
    const bench = confirming();
    bench.pass(2000);
    for (const forMs of [30, 200, 1_500, 4_000]) {
      bench.heard.length = 0;
      bench.board.touch(1, forMs);
      bench.pass(forMs + 3_000);
      const [press] = presses(bench);
      const releases = bench
        .of("loop")
        .flatMap(({ state, release }) => (release ? [{ state, ...release }] : []));
      expect(releases).toMatchObject([{ state: "normal", number: press!.number }]);
      expect(Math.abs(releases[0]!.heldMs - forMs), `${forMs} ms`).toBeLessThanOrEqual(10);
    }
  });

  test("has its time also if the buttons of all loops are released at once", () => {
    const bench = openFirmwareBench();
    bench.pass(2_000);
    for (let i = 0; i < 6; i++) {
      for (const loop of [0, 1, 2, 3]) bench.board.touch(loop, 300);
      bench.pass(700);
      for (const { number } of presses(bench)) bench.say({ kind: "confirm", number });
      bench.pass(100);
    }
    const releases = bench.of("loop").flatMap(({ release }) => release ?? []);
    expect(new Set(releases.map(({ number }) => number))).toEqual(numbers(bench));
    expect(releases).toHaveLength(24);
    for (const { heldMs } of releases) expect(Math.abs(heldMs - 300)).toBeLessThanOrEqual(10);
  });

  test("that is counted with the one before has no time of its own", () => {
    const bench = openFirmwareBench();
    bench.pass(2000);
    bench.board.touch(1, 100);
    bench.pass(170);
    bench.board.touch(1, 100);
    bench.pass(1_000);
    expect(presses(bench).at(-1)).toMatchObject({ number: 1, count: 2 });
    expect(bench.of("loop").flatMap(({ release }) => release ?? [])).toMatchObject([{ number: 1 }]);
    expect(bench.of("loop").map(({ state }) => state)).toEqual(["pressed", "normal", "pressed", "normal"]);
  });

  test("that is held for over a minute has its time at the end; one from before a reset has none", () => {
    const bench = confirming();
    bench.pass(2000);
    bench.board.hold(0);
    bench.pass(65_000);
    bench.board.release(0);
    bench.pass(200);
    const [release] = bench.of("loop").flatMap((one) => one.release ?? []);
    expect(Math.abs(release!.heldMs - 65_000)).toBeLessThanOrEqual(10);
    bench.board.hold(0);
    bench.pass(62_000);
    bench.board.reset();
    bench.pass(2_000);
    bench.heard.length = 0;
    bench.board.release(0);
    bench.pass(2_000);
    expect(bench.of("loop")).toMatchObject([{ state: "normal" }]);
    expect(bench.of("loop")[0]).not.toHaveProperty("release");
  }, 120_000);

  test("of 50 ms is latched whenever it comes, one of 5 ms never", () => {
    const bench = confirming();
    const random = createRandom(7);
    bench.pass(1000);
    for (let i = 0; i < 40; i++) {
      bench.board.press(i % 2, 50);
      bench.pass(250 + random() * 50);
    }
    expect(numbers(bench).size).toBe(40);
    for (let i = 0; i < 40; i++) {
      bench.board.press(0, 5);
      bench.pass(100 + random() * 50);
    }
    expect(numbers(bench).size).toBe(40);
  });

  test("1,000 of them with the bounce of a real switch: none missed, none doubled", () => {
    const bench = confirming(42);
    const random = createRandom(42);
    bench.pass(500);
    for (let i = 0; i < 1000; i++) {
      bench.board.press(i % 4, 60 + random() * 100);
      bench.pass(190 + random() * 20);
    }
    bench.pass(500);
    process.stdout.write(`1,000 presses: ${numbers(bench).size} latched\n`);
    expect(numbers(bench).size).toBe(1000);
    expect(bench.broken()).toBe(0);
  }, 300_000);

  test("does not wait behind one that the host cannot confirm: all that wait are told in turn", () => {
    const bench = openFirmwareBench();
    bench.pass(1000);
    bench.board.press(0, 100);
    bench.pass(600);
    const at = bench.board.nowMs;
    bench.board.press(1, 100);
    bench.pass(300);
    const second = bench.heard.find(({ message }) => message.kind === "press" && message.press.number === 2);
    expect(second!.atMs - at).toBeLessThan(40);
    bench.heard.length = 0;
    bench.pass(1000);
    expect(presses(bench).map(({ number }) => number)).toEqual([1, 2, 1, 2, 1, 2, 1, 2]);
    bench.say({ kind: "confirm", number: 2 });
    bench.pass(10);
    bench.heard.length = 0;
    bench.pass(500);
    expect(numbers(bench)).toEqual(new Set([1]));
  });

  test("outlives a firmware that hangs: the watchdog bites within 1.2 s, and it is told again", () => {
    const bench = openFirmwareBench();
    bench.pass(1000);
    bench.board.press(3, 100);
    bench.pass(500);
    bench.heard.length = 0;
    const at = bench.board.nowMs;
    bench.board.derail();
    bench.pass(2500);
    const hello = bench.heard.find(({ message }) => message.kind === "hello");
    expect(hello?.message).toMatchObject({ resetCause: 8 });
    expect(hello!.atMs - at).toBeGreaterThan(500);
    expect(hello!.atMs - at).toBeLessThan(1_200);
    expect(presses(bench)[0]).toMatchObject({ number: 1, loop: 3 });
    expect(bench.of("heartbeat").at(-1)).toMatchObject({ resetCause: 8, pending: 1 });
  });

  test("survives a power cut of both: it is told again with its number, its age unknown", () => {
    const bench = openFirmwareBench();
    bench.pass(1000);
    bench.board.press(1, 200);
    bench.pass(400);
    expect(presses(bench).at(-1)).toMatchObject({ number: 1, loop: 1 });
    bench.board.power(false);
    bench.pass(60_000);
    bench.heard.length = 0;
    bench.board.power(true);
    bench.pass(600);
    expect(presses(bench).length).toBeGreaterThan(1);
    expect(presses(bench)[0]).toMatchObject({ number: 1, loop: 1, count: 1 });
    expect(presses(bench)[0]).not.toHaveProperty("ageMs");
    bench.say({ kind: "confirm", number: 1 });
    bench.pass(500);
    // Confirmed is confirmed, also after the next cut; and no number is given twice.
    bench.board.power(false);
    bench.board.power(true);
    bench.heard.length = 0;
    bench.pass(1000);
    expect(presses(bench)).toEqual([]);
    bench.board.press(0, 200);
    bench.pass(300);
    expect(presses(bench)[0]!.number).toBeGreaterThan(1);
    expect(bench.of("hello")[0]!.board).toBe(bench.of("heartbeat")[0]!.board);
  });

  test("cut at any moment after it was told is kept, or its number is never given again", () => {
    let lost = 0;
    for (let afterMs = 0; afterMs < 40; afterMs += 2) {
      const bench = openFirmwareBench({ seed: afterMs + 1 });
      const cut = () => {
        bench.board.power(false);
        bench.pass(500);
        bench.heard.length = 0;
        bench.board.power(true);
        bench.pass(500);
      };
      // A press that is kept and confirmed, then a life in which nothing happens: the usual case.
      bench.pass(500);
      bench.board.press(0, 100);
      bench.pass(400);
      const before = presses(bench)[0]!.number;
      bench.say({ kind: "confirm", number: before });
      bench.pass(300);
      cut();
      const given = new Set<number>([before]);
      for (const loop of [1, 2]) {
        bench.heard.length = 0;
        bench.board.press(loop, 300);
        while (presses(bench).length === 0) bench.pass(1);
        bench.pass(afterMs);
        const { number } = presses(bench)[0]!;
        expect(given.has(number), `number ${number} for loop ${loop}, cut after ${afterMs} ms`).toBe(false);
        given.add(number);
        bench.board.release(loop);
        cut();
        const kept = presses(bench).some((press) => press.number === number && press.loop === loop);
        if (afterMs >= 6) expect(kept, `cut after ${afterMs} ms`).toBe(true);
        if (!kept) lost++;
        bench.say({ kind: "confirm", number });
        bench.pass(300);
      }
    }
    process.stdout.write(
      `presses cut within 40 ms of being told: ${lost} of 40 not kept, no number given twice\n`,
    );
  }, 240_000);

  test("gets a number of its own, also if the board is reset while sixteen presses are pending", () => {
    for (let afterMs = 0; afterMs < 20; afterMs += 2) {
      const bench = openFirmwareBench({ seed: afterMs + 1 });
      bench.pass(500);
      for (let i = 0; i < 16; i++) {
        bench.board.press(i % 4, 60);
        bench.pass(150);
      }
      bench.pass(600);
      expect(bench.of("heartbeat").at(-1)!.pending).toBe(16);
      const given = numbers(bench);
      // Each life frees one slot, gives one number and is reset before that number is in the EEPROM.
      for (const confirmed of [1, 2, 3]) {
        bench.board.reset();
        bench.pass(afterMs * 2);
        bench.board.reset(); // while the number reached is being written
        bench.pass(500);
        bench.say({ kind: "confirm", number: confirmed });
        // After a round of repeats the line is quiet, and a new press is sent at once.
        bench.heard.length = 0;
        while (presses(bench).length < 15) bench.pass(1);
        while (bench.board.nowMs - bench.heard.at(-1)!.atMs < 10) bench.pass(1);
        bench.heard.length = 0;
        // Of another loop than the press before it in this slot: more bytes to write.
        bench.board.press((confirmed + 2) % 4, 60);
        const fresh = () => presses(bench).find(({ ageMs }) => ageMs !== undefined);
        while (!fresh()) bench.pass(1);
        const { number } = fresh()!;
        expect(given.has(number), `number ${number}, reset after ${afterMs} ms`).toBe(false);
        given.add(number);
        bench.pass(afterMs);
      }
    }
  }, 240_000);

  test("is latched although an older one cannot be confirmed, however many came between", () => {
    const bench = openFirmwareBench({
      onMessage(message, host) {
        if (message.kind === "press" && message.press.number !== 1)
          host.say({ kind: "confirm", number: message.press.number });
      },
    });
    bench.pass(500);
    for (let i = 0; i < 40; i++) {
      bench.board.press(i % 4, 80);
      bench.pass(250);
    }
    expect(numbers(bench).size).toBe(40);
    bench.pass(1_100);
    expect(bench.of("heartbeat").at(-1)!.pending).toBe(1);
  });

  test("sixteen can wait; a seventeenth is counted with the newest", () => {
    const bench = openFirmwareBench();
    bench.pass(500);
    for (let i = 0; i < 18; i++) {
      bench.board.press(i % 2, 80);
      bench.pass(200);
    }
    bench.pass(1000);
    expect(bench.of("heartbeat").at(-1)!.pending).toBe(16);
    for (let number = 1; number <= 16; number++) {
      bench.say({ kind: "confirm", number });
      bench.pass(60);
    }
    const counts = new Map(presses(bench).map(({ number, count }) => [number, count]));
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(18);
  });
});

describe("the loops", () => {
  test.each([
    ["cut", "open"],
    ["shorted", "short"],
  ] as const)("a wire that is %s is %s within a second, and no press", (wire, state) => {
    const bench = openFirmwareBench();
    bench.pass(500);
    bench.board.wire(2, wire);
    bench.pass(1000);
    expect(bench.of("loop")).toMatchObject([{ loop: 2, state }]);
    bench.board.wire(2, "whole");
    bench.pass(1000);
    expect(bench.of("loop").at(-1)).toMatchObject({ loop: 2, state: "normal" });
    expect(presses(bench)).toEqual([]);
  });

  test("a press on a loop that was broken a moment ago is a press", () => {
    const bench = openFirmwareBench();
    bench.pass(500);
    bench.board.wire(1, "cut");
    bench.pass(1_000);
    bench.board.wire(1, "whole");
    bench.board.press(1, 60);
    bench.pass(300);
    expect(numbers(bench).size).toBe(1);
  });

  test("a button held for 60 s is one press, then stuck; a reset makes no second press of it", () => {
    const bench = confirming();
    bench.pass(500);
    bench.board.hold(0);
    bench.pass(59_000);
    expect(bench.of("heartbeat").at(-1)!.loops[0]).toBe("pressed");
    bench.pass(2_500);
    expect(bench.of("heartbeat").at(-1)!.loops[0]).toBe("stuck");
    bench.board.reset();
    bench.pass(2_000);
    expect(bench.of("heartbeat").at(-1)!.loops[0]).toBe("stuck");
    expect(numbers(bench).size).toBe(1);
    bench.board.release(0);
    bench.pass(500);
    bench.board.press(0, 100);
    bench.pass(500);
    expect(numbers(bench).size).toBe(2);
  }, 120_000);

  test("noise on the lines is no press: five minutes of contacts of up to 8 ms, bounce included", () => {
    const bench = openFirmwareBench({ seed: 99 });
    makeNoise(bench, createRandom(99), 5 * 60_000);
    expect(presses(bench)).toEqual([]);
    expect(bench.of("loop")).toEqual([]);
    expect(bench.of("heartbeat").length).toBeGreaterThan(298);
  }, 240_000);
});

describe("an older host", () => {
  test("says less about the lamp, and is understood", () => {
    const bench = openFirmwareBench();
    bench.pass(500);
    for (const [number, lamp] of ["idle", "stored", "sent", "received", "accepted", "fault"].entries()) {
      const crc = crc16([0x42, 2, number, 1]);
      const body = [0x42, 2, number, 0, 1, 0, crc & 0x7f, (crc >> 7) & 1, (crc >> 8) & 0x7f, crc >> 15];
      bench.board.receive([0xf0, 0x0b, ...body, 0xf7]);
      bench.pass(20);
      expect(bench.board.light).toEqual({ lamp, drill: false, sounder: false });
    }
  });
});

describe("the line", () => {
  test("garbage, cut and overlong messages, wrong CRCs: nothing is done, and the next one is heard", () => {
    const bench = confirming();
    const random = createRandom(5);
    bench.pass(500);
    show(bench);
    for (let i = 0; i < 50; i++) {
      bench.board.receive(Array.from({ length: 60 }, () => Math.floor(random() * 256)));
      bench.board.receive([0xf0, 0x0b, 0x41, 4, 1, 0, 0]);
      bench.pass(30);
    }
    bench.board.receive([0xf7]);
    show(bench, "accepted");
    bench.pass(50);
    expect(bench.board.light.lamp).toBe("accepted");
    bench.board.press(0, 100);
    bench.pass(300);
    expect(numbers(bench).size).toBe(1);
    expect(bench.broken()).toBe(0);
  });

  test("tells each second how it is: uptime, loops, supply, why it was reset", () => {
    const bench = openFirmwareBench();
    bench.pass(3_500);
    const [hello] = bench.of("hello");
    expect(hello).toMatchObject({
      protocol: 1,
      firmware: BOARD_FIRMWARE,
      loops: 4,
      lastNumber: 0,
      resetCause: 1,
    });
    const beats = bench.of("heartbeat");
    expect(beats.map(({ uptimeS }) => uptimeS)).toEqual([1, 2, 3]);
    expect(beats.at(-1)!.supplyMv).toBeGreaterThan(4_900);
    expect(beats.at(-1)!.supplyMv).toBeLessThan(5_100);
    bench.board.reset();
    bench.pass(1_500);
    expect(bench.of("hello").at(-1)!.resetCause).toBe(2);
    process.stdout.write(`board load, idle: ${(bench.board.load * 100).toFixed(1)} %\n`);
  });
});
