import { describe, expect, test } from "vitest";
import { HEALTHY } from "../../firmware-bridge/simulator/network.ts";
import { createRandom } from "../../src/demo/random.ts";
import { numbers, openFirmwareBench, presses, type FirmwareBench } from "./bench.ts";

/** What is a press and what is not: contacts, chatter, chafing wires and ignition. */
const LOOPS = 4;

const opened = (seed: number): FirmwareBench => {
  const bench = openFirmwareBench({
    seed,
    onMessage(message, host) {
      if (message.kind === "press") host.say({ kind: "confirm", number: message.press.number });
    },
  });
  bench.pass(500);
  return bench;
};

const pressesOf = (bench: FirmwareBench, loop: number): number =>
  new Set(presses(bench).flatMap((one) => (one.loop === loop ? [one.number] : []))).size;

/** Runs a disturbance on each loop at once, each with dice of its own; the presses of each loop. */
const disturb = (
  forMs: number,
  begin: (bench: FirmwareBench, loop: number, random: () => number) => void,
): number[] => {
  const bench = opened(forMs);
  for (let loop = 0; loop < LOOPS; loop++) begin(bench, loop, createRandom(100 + loop));
  bench.pass(forMs + 500);
  return Array.from({ length: LOOPS }, (_, loop) => pressesOf(bench, loop));
};

describe("a contact", () => {
  const heard = (ms: number, times: number): number => {
    const bench = opened(ms);
    const random = createRandom(ms);
    for (let i = 0; i < times; i++) {
      // Half of them bounce.
      if (i % 8 < 4) bench.board.press(i % 4, ms);
      else bench.board.touch(i % 4, ms);
      bench.pass(200 + random() * 5);
    }
    return numbers(bench).size;
  };

  test("of 26 ms that bounces for 5 ms is a press, wherever the bounce ends within a reading", () => {
    const bench = opened(9);
    let slotMs = 0;
    bench.board.interfere(1, (atMs) => {
      if (slotMs === 0) slotMs = atMs % 5;
      return 0;
    });
    bench.pass(20);
    bench.board.interfere(1, () => 0);
    let made = 0;
    for (let endMs = 0; endMs < 0.9; endMs += 0.015) {
      // The bounce ends this long after a slot of this loop begins.
      const beginsAt = Math.ceil((bench.board.nowMs + 350) / 5) * 5 + slotMs + endMs - 4.9;
      bench.board.run(beginsAt);
      bench.board.touch(1, 0.3);
      bench.board.run(beginsAt + 4.9);
      bench.board.touch(1, 26 - 4.9);
      made++;
      bench.pass(50);
    }
    bench.pass(300);
    expect(numbers(bench).size).toBe(made);
  }, 120_000);

  test("of 12 ms or less is never a press, one of 26 ms or more always", () => {
    const table = [4, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 40].map(
      (ms) => [ms, heard(ms, 40)] as const,
    );
    process.stdout.write(
      `contacts of 40 heard: ${table.map(([ms, count]) => `${ms} ms ${count}`).join(", ")}\n`,
    );
    for (const [ms, count] of table) {
      if (ms <= 12) expect(count, `${ms} ms`).toBe(0);
      if (ms >= 26) expect(count, `${ms} ms`).toBe(40);
    }
  }, 240_000);

  test("within 300 ms of a press is the same press, counted; after that it is another one", () => {
    const bench = openFirmwareBench();
    bench.pass(500);
    for (const _ of [1, 2]) {
      bench.board.press(0, 60);
      bench.pass(200);
    }
    bench.pass(300);
    expect(presses(bench).at(-1)).toMatchObject({ number: 1, loop: 0, count: 2 });
    for (const _ of [1, 2]) {
      bench.board.press(0, 60);
      bench.pass(350);
    }
    expect([...numbers(bench)]).toEqual([1, 2, 3]);
  });

  test("of another button is a press of its own at any time", () => {
    const bench = opened(1);
    for (let loop = 0; loop < LOOPS; loop++) {
      bench.board.press(loop, 60);
      bench.pass(10);
    }
    bench.pass(300);
    expect(new Set(presses(bench).map(({ loop }) => loop)).size).toBe(4);
    expect(numbers(bench).size).toBe(4);
  });

  test("each second for a second is a press each time", () => {
    const bench = opened(2);
    for (let i = 0; i < 200; i++) {
      bench.board.press(i % 4, 1_000);
      bench.pass(500);
    }
    expect(numbers(bench).size).toBe(200);
  }, 240_000);
});

describe("a disturbance that no fault shows hides no press", () => {
  /** Presses of 60 to 26 ms at any phase, of those that were made. */
  const heard = (spoil: (bench: FirmwareBench, loop: number) => void): number => {
    const bench = opened(5);
    for (let loop = 0; loop < LOOPS; loop++) spoil(bench, loop);
    bench.pass(1_000);
    const random = createRandom(5);
    for (let i = 0; i < 12; i++) {
      bench.board.touch(i % LOOPS, i < 8 ? 26 : 60);
      bench.pass(170 + random() * 20);
    }
    bench.pass(2_000);
    expect(new Set(bench.of("heartbeat").at(-1)!.loops)).toEqual(new Set(["normal"]));
    return numbers(bench).size;
  };
  const wave = (volts: number, hz: number) => (atMs: number) =>
    volts * Math.sin((atMs / 1_000) * 2 * Math.PI * hz);

  // In samples of 5 ms, 190 and 210 Hz are as slow as 10 Hz; so are 390 and 410 Hz.
  test.each([
    60, 70, 100.3, 150, 180, 185, 190, 195, 198, 203, 205, 210, 220, 250, 385, 390, 395, 405, 415, 500.5,
  ])(
    "a ripple of 0.3 V at the input, %f Hz, also with resistors of 5 % and with moisture",
    (hz) => {
      const bench = opened(Math.round(hz));
      const networks = [
        {},
        { pullUpOhm: 9_500, endOfLineOhm: 10_500, buttonOhm: 3_465 },
        { pullUpOhm: 10_500, endOfLineOhm: 9_500, buttonOhm: 3_135 },
        { leakageOhm: 50_000 },
      ].map((change) => Object.assign({}, HEALTHY, change));
      for (const [loop, network] of networks.entries()) {
        bench.board.network(loop, network);
        bench.board.interfere(loop, wave(0.3, hz));
      }
      bench.pass(1_000);
      expect(presses(bench)).toEqual([]);
      const random = createRandom(6);
      for (let i = 0; i < 10; i++) {
        for (let loop = 0; loop < LOOPS; loop++) {
          bench.board.touch(loop, 26);
          bench.pass(13 + random() * 20);
        }
        bench.pass(330 + random() * 30);
      }
      bench.pass(1_000);
      expect(networks.map((_, loop) => pressesOf(bench, loop))).toEqual([10, 10, 10, 10]);
    },
    60_000,
  );

  test("but few with 2 kΩ of corrosion: a ripple of 0.3 V reaches to where a press ends", () => {
    const bench = opened(70);
    for (let loop = 0; loop < LOOPS; loop++) {
      bench.board.network(loop, { ...HEALTHY, seriesOhm: 2_000 });
      bench.board.interfere(loop, wave(0.3, 70));
    }
    bench.pass(1_000);
    const random = createRandom(8);
    for (let i = 0; i < 160; i++) {
      bench.board.touch(i % LOOPS, 26);
      bench.pass(95 + random() * 20);
    }
    bench.pass(500);
    process.stdout.write(
      `with 2 kΩ in series and 0.3 V of 70 Hz: ${numbers(bench).size} of 160 presses of 26 ms\n`,
    );
    expect(numbers(bench).size).toBeGreaterThanOrEqual(144);
  }, 60_000);

  test.each([70, 150, 190, 205, 390, 450])("a shift of the ground by 0.5 V to and fro, %i Hz", (hz) => {
    const shift = wave(0.5, hz);
    expect(
      heard((bench, loop) =>
        bench.board.network(loop, (atMs) => ({ ...HEALTHY, groundShiftV: shift(atMs) })),
      ),
    ).toBe(12);
  });

  test.each([2_000, 3_000, 5_000])("a dirty contact that flickers between 0 and %i Ω", (ohm) => {
    const bench = opened(ohm);
    const random = createRandom(ohm);
    for (let i = 0; i < 6; i++) {
      const at = bench.board.nowMs + 1;
      const changes: number[] = [];
      for (let t = at; t < at + 120; t += 10 * (0.5 + random())) changes.push(t);
      bench.board.network(0, (now) => {
        if (now < at || now > at + 120) return HEALTHY;
        const isDirty = changes.filter((one) => one <= now).length % 2 === 1;
        return { ...HEALTHY, farLeakageOhm: HEALTHY.buttonOhm + (isDirty ? ohm : 0) };
      });
      bench.pass(600);
    }
    expect(numbers(bench).size).toBe(6);
  });

  test.each([26, 40, 48])("a tap of 14 ms, 60 to 140 ms before a press of %i ms", (ms) => {
    const bench = opened(ms);
    let missed = 0;
    for (let i = 0; i < 8; i++) {
      const before = numbers(bench).size;
      bench.board.touch(0, 14);
      bench.pass(14 + 60 + i * 11.4);
      bench.board.touch(0, ms);
      bench.pass(700);
      if (numbers(bench).size === before) missed++;
    }
    expect(missed).toBe(0);
  });
});

describe("chatter of a contact", () => {
  const chatter = (onMs: number, upToMs: number) =>
    disturb(3_000, (bench, loop, random) => {
      const end = bench.board.nowMs + 3_000;
      const changes: number[] = [];
      const length = () => onMs + random() * (upToMs - onMs);
      for (let at = bench.board.nowMs + 1; at < end; at += length()) changes.push(at);
      bench.board.network(loop, (atMs) => {
        const isClosed = changes.filter((change) => change <= atMs).length % 2 === 1 && atMs < end;
        // Conductance of the button beside the end-of-line resistor.
        return isClosed ? { ...HEALTHY, farLeakageOhm: HEALTHY.buttonOhm } : HEALTHY;
      });
    });

  test.each([
    // Of so fast a chatter four samples in a row can meet contact: with 1.5 in one loop of seven, with 1.4 in one of six.
    [1, 9, 1],
    [10, 13, 0],
    [10, 19, 1],
    [20, 29, 1],
    [30, 39, 1],
    [40, 49, 1],
    [10, 49, 1],
  ])(
    "of %i to %i ms for seconds is at most its first contact: %i",
    (onMs, upToMs, most) => {
      const seen = chatter(onMs, upToMs);
      process.stdout.write(`chatter of ${onMs} to ${upToMs} ms for 3 s: ${seen.join(", ")} presses\n`);
      expect(Math.max(...seen)).toBeLessThanOrEqual(most);
    },
    120_000,
  );

  test("does not hide a press that follows it within 0.1 s", () => {
    const bench = opened(3);
    for (let i = 0; i < 20; i++) {
      bench.board.touch(0, 11);
      bench.pass(25);
    }
    expect(numbers(bench).size).toBe(0);
    bench.board.press(0, 100);
    bench.pass(300);
    expect(numbers(bench).size).toBe(1);
  });

  test("of a worn contact that is held makes a press, if it is closed for most of the time", () => {
    const bench = opened(4);
    bench.board.touch(0, 11);
    bench.pass(20);
    for (let i = 0; i < 20; i++) {
      bench.board.touch(0, 30);
      bench.pass(35);
    }
    expect(numbers(bench).size).toBe(1);
  });
});

describe("a wire that chafes", () => {
  test.each([5, 10, 20])(
    "from 24 kΩ to 0 and back, %i ms each way, for seconds: no press",
    (legMs) => {
      const seen = disturb(3_000, (bench, loop, random) => {
        const start = bench.board.nowMs + random() * 40;
        bench.board.network(loop, (atMs) => {
          const isOver = atMs < start || atMs > start + 3_000;
          const share = Math.abs((((atMs - start) / legMs) % 2) - 1);
          return isOver ? HEALTHY : { ...HEALTHY, leakageOhm: 24_000 * share };
        });
      });
      expect(seen).toEqual([0, 0, 0, 0]);
    },
    120_000,
  );

  test("in bursts of 2 to 20 ms from 24 kΩ to 0: no press", () => {
    const seen = disturb(6_000, (bench, loop, random) => {
      const bursts: { atMs: number; lengthMs: number }[] = [];
      for (let atMs = bench.board.nowMs; atMs < bench.board.nowMs + 6_000; atMs += 30 + random() * 200)
        bursts.push({ atMs, lengthMs: 2 + random() * 18 });
      bench.board.network(loop, (atMs) => {
        const burst = bursts.findLast((one) => one.atMs <= atMs);
        const share = burst ? (atMs - burst.atMs) / burst.lengthMs : 1;
        return share >= 1 ? HEALTHY : { ...HEALTHY, leakageOhm: 24_000 * (1 - share) };
      });
    });
    expect(seen).toEqual([0, 0, 0, 0]);
  }, 120_000);
});

describe("ignition", () => {
  /** Sparks of both signs on a ripple of the alternator, volts at the input. */
  const sparks = (random: () => number, perSecond: number, volts: number) => {
    let sparkMs = 0;
    let nextMs = 0;
    let sign = 1;
    return (atMs: number): number => {
      while (nextMs <= atMs) {
        sparkMs = nextMs;
        nextMs += (1_000 / perSecond) * (0.9 + 0.2 * random());
        sign = random() < 0.5 ? -1 : 1;
      }
      const sinceMs = atMs - sparkMs;
      const ringing = Math.cos(sinceMs * 2 * Math.PI * 20);
      return sign * volts * Math.exp(-sinceMs / 0.1) * ringing + 0.15 * Math.sin(atMs * 2 * Math.PI * 1.3);
    };
  };

  test.each([
    [20, 20],
    [200, 20],
    [500, 8],
  ])(
    "of %i sparks a second of %i V makes no press and no fault, and hides no press",
    (perSecond, volts) => {
      const bench = opened(perSecond);
      for (let loop = 0; loop < LOOPS; loop++)
        bench.board.interfere(loop, sparks(createRandom(loop), perSecond, volts));
      bench.pass(10_000);
      expect(presses(bench)).toEqual([]);
      expect(bench.of("loop")).toEqual([]);
      for (let i = 0; i < 20; i++) {
        bench.board.press(i % 4, 60);
        bench.pass(250);
      }
      expect(numbers(bench).size).toBe(20);
    },
    120_000,
  );

  test.each([
    [500, 8],
    [1_000, 4],
    [1_000, 8],
  ])(
    "of %i sparks a second of %i V hides no press of 26 ms",
    (perSecond, volts) => {
      const bench = opened(perSecond);
      for (let loop = 0; loop < LOOPS; loop++)
        bench.board.interfere(loop, sparks(createRandom(loop), perSecond, volts));
      bench.pass(1_000);
      const random = createRandom(4);
      for (let i = 0; i < 240; i++) {
        bench.board.touch(i % LOOPS, 26);
        bench.pass(110 + random() * 20);
      }
      bench.pass(500);
      expect(numbers(bench).size).toBe(240);
    },
    120_000,
  );
});
