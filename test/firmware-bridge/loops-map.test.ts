import { describe, expect, test } from "vitest";
import { HEALTHY, sourceOf, type Network } from "../../firmware-bridge/simulator/network.ts";
import { createRandom } from "../../src/demo/random.ts";
import type { LoopState } from "../../src/domain/panic.ts";
import { openFirmwareBench, presses, type FirmwareBench } from "./bench.ts";

/**
 * The map of a loop: what the board says of it at rest, and whether a press is seen. One board examines
 * four loops at once.
 */
type Cell = {
  readonly state: LoopState;
  /** A press was reported although nobody pressed. */
  readonly alarm: boolean;
  /** A press of half a second was reported. */
  readonly heard: boolean;
};

const LOOPS = [0, 1, 2, 3];
const GROWTH_MS = 4_000;
/** Longer than the 2 s after which a loop is degraded, and the second until the next heartbeat says so. */
const SETTLED_MS = 3_200;
const DRY_OHM = 10_000_000;

/** A leakage that grows from nothing evenly in its logarithm. */
const wet = (ohm: number, share: number): number => {
  if (ohm >= DRY_OHM || share === 0) return Infinity;
  return DRY_OHM * (ohm / DRY_OHM) ** share;
};

/** A healthy loop that becomes this one between two times. */
const grown =
  (target: Network, fromMs: number) =>
  (atMs: number): Network => {
    const share = Math.min(1, (atMs - fromMs) / GROWTH_MS);
    return {
      ...target,
      seriesOhm: share === 1 ? target.seriesOhm : target.seriesOhm * share,
      leakageOhm: wet(target.leakageOhm, share),
      farLeakageOhm: wet(target.farLeakageOhm, share),
      groundShiftV: target.groundShiftV * share,
    };
  };

const altered = (change: Partial<Network>): Network => ({ ...HEALTHY, ...change });

const pressesOf = (bench: FirmwareBench, loop: number): number =>
  new Set(presses(bench).flatMap((press) => (press.loop === loop ? [press.number] : []))).size;

/** What is measured on a bench whose loops have reached their networks. */
const judge = (bench: FirmwareBench, count: number): Cell[] => {
  const { loops } = bench.of("heartbeat").at(-1)!;
  const alarms = LOOPS.map((loop) => pressesOf(bench, loop));
  for (const loop of LOOPS) bench.board.press(loop, 500);
  bench.pass(800);
  return LOOPS.slice(0, count).map((loop) => ({
    state: loops[loop]!,
    alarm: alarms[loop]! > 0,
    heard: pressesOf(bench, loop) > alarms[loop]!,
  }));
};

const inFours = (networks: readonly Network[], examine: (four: readonly Network[]) => Cell[]): Cell[] =>
  Array.from({ length: Math.ceil(networks.length / 4) }, (_, i) =>
    examine(networks.slice(4 * i, 4 * i + 4)),
  ).flat();

/** Loops that were healthy when the board started. */
const examine = (networks: readonly Network[]): Cell[] =>
  inFours(networks, (four) => {
    const bench = openFirmwareBench();
    bench.pass(300);
    for (const [loop, network] of four.entries()) bench.board.network(loop, grown(network, 300));
    bench.pass(GROWTH_MS + SETTLED_MS);
    return judge(bench, four.length);
  });

/** Loops that are so when the board starts. */
const examineAtStart = (networks: readonly Network[]): Cell[] =>
  inFours(networks, (four) => {
    const bench = openFirmwareBench();
    for (const [loop, network] of four.entries()) bench.board.network(loop, network);
    bench.pass(SETTLED_MS);
    return judge(bench, four.length);
  });

const readingOf = (network: Network, closed: boolean): number =>
  (sourceOf(network, 5, closed).volts / 5) * 1024;

const isNormalAndDeaf = ({ state, heard }: Cell): boolean => state === "normal" && !heard;

const LETTERS: Readonly<Record<LoopState, string>> = {
  normal: "n",
  degraded: "d",
  open: "o",
  short: "s",
  pressed: "P",
  stuck: "S",
};
/** `n+`: normal, a press is seen. `d-`: degraded, a press is not seen. `!`: a false alarm. */
const word = ({ state, alarm, heard }: Cell): string =>
  `${LETTERS[state]}${heard ? "+" : "-"}${alarm ? "!" : " "}`;

const kilo = (ohm: number): string => (ohm === Infinity ? "-" : String(ohm / 1000));

const SERIES = [0, 1_000, 2_000, 2_400, 3_000, 5_000, 8_000, 12_000, 19_000, 30_000];
const LEAKAGE = [
  Infinity,
  200_000,
  50_000,
  30_000,
  24_000,
  17_000,
  12_000,
  8_000,
  5_000,
  3_000,
  2_000,
  1_200,
];

/** Each combination; drawn, so that a change of the bands can be looked at. */
const draw = (title: string, networkOf: (seriesOhm: number, leakageOhm: number) => Network) => {
  const networks = SERIES.flatMap((series) => LEAKAGE.map((leakage) => networkOf(series, leakage)));
  const cells = examine(networks);
  const line = (name: string, words: readonly string[]) =>
    process.stdout.write(`${name.padStart(5)} ${words.map((one) => one.padEnd(4)).join("")}\n`);
  process.stdout.write(`${title}, kΩ (down: series; across: leakage)\n`);
  line("", LEAKAGE.map(kilo));
  for (const [row, series] of SERIES.entries())
    line(kilo(series), cells.slice(row * LEAKAGE.length, (row + 1) * LEAKAGE.length).map(word));
  return networks.map((network, i) => ({ network, cell: cells[i]! }));
};

describe("the map of a loop", () => {
  test("has no single fault with which it is normal and deaf, and no slow one that calls for help", () => {
    const cells = draw("leakage at the board", (seriesOhm, leakageOhm) => ({
      ...HEALTHY,
      seriesOhm,
      leakageOhm,
    }));
    expect(cells.filter(({ cell }) => cell.alarm)).toEqual([]);
    // Two faults that make up for each other read as a healthy loop: only a test press shows them.
    const hidden = ({ seriesOhm, leakageOhm }: Network) => seriesOhm >= 3_000 && leakageOhm <= 50_000;
    expect(cells.filter(({ cell, network }) => isNormalAndDeaf(cell) && !hidden(network))).toEqual([]);
    const clear = (network: Network) => {
      const pressed = readingOf(network, true);
      return pressed > 110 && pressed < 350 && readingOf(network, false) - pressed > 70;
    };
    expect(cells.filter(({ cell, network }) => clear(network) && !cell.heard)).toEqual([]);
  }, 600_000);

  test("also with the leakage at the button, on either side of the bounds", () => {
    const networks = [26_000, 17_000, 12_000, 11_000, 8_000, 5_000, 3_000, 2_000].map((farLeakageOhm) =>
      altered({ farLeakageOhm }),
    );
    const cells = examine(networks);
    expect(cells.map(({ state }) => state)).toEqual(["normal", ...networks.slice(1).map(() => "degraded")]);
    expect(cells.filter(({ alarm }) => alarm)).toEqual([]);
    expect(cells.slice(0, 7).filter(({ heard }) => !heard)).toEqual([]);
  }, 120_000);

  test("has a fault for damp that came while the board was off, and no false alarm", () => {
    // From 2.6 to 4.6 kΩ the reading is that of a button that is held.
    const leakages = [27_000, 17_000, 12_000, 8_000, 6_000, 5_000, 2_300, 1_900];
    const cells = examineAtStart(leakages.map((leakageOhm) => ({ ...HEALTHY, leakageOhm })));
    expect(cells.filter(({ alarm }) => alarm)).toEqual([]);
    expect(cells.map(({ state }) => state)).toEqual(["normal", ...leakages.slice(1).map(() => "degraded")]);
  }, 120_000);
});

describe("the tolerance of the resistors", () => {
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((corner) => {
    const factor = (bit: number) => (corner & bit ? 1.05 : 0.95);
    return altered({
      pullUpOhm: 10_000 * factor(1),
      endOfLineOhm: 10_000 * factor(2),
      buttonOhm: 3_300 * factor(4),
    });
  });

  test.each([0, 500, 1_000])(
    "leaves a loop normal and its press seen, at every corner, with %s Ω in series",
    (seriesOhm) => {
      const cells = examine(corners.map((corner) => ({ ...corner, seriesOhm })));
      expect(cells).toEqual(corners.map(() => ({ state: "normal", alarm: false, heard: true })));
    },
    120_000,
  );

  test("of 5 % and corrosion do not make a loop normal and deaf together", () => {
    const corner = corners.find(
      ({ pullUpOhm, endOfLineOhm, buttonOhm }) =>
        pullUpOhm > 10_000 && endOfLineOhm < 10_000 && buttonOhm > 3_300,
    )!;
    const worse = [2_900, 3_200, 3_300, 3_400].map((seriesOhm) => Object.assign({}, corner, { seriesOhm }));
    expect(examine(worse)).toEqual(worse.map(() => ({ state: "normal", alarm: false, heard: true })));
  }, 120_000);

  test("leaves no corner at which corrosion or moisture makes a loop normal and deaf", () => {
    const worse = corners.flatMap((corner) => [
      { ...corner, seriesOhm: 1_800 },
      { ...corner, seriesOhm: 2_600 },
      { ...corner, seriesOhm: 4_000 },
      { ...corner, leakageOhm: 25_000 },
    ]);
    expect(examine(worse).filter(isNormalAndDeaf)).toEqual([]);
  }, 240_000);
});

describe("a shift of the ground at the button", () => {
  test("of up to 0.5 V loses no press; a larger one is a fault, also where it loses one", () => {
    const shifts = [-1.4, -1, -0.5, -0.2, 0.2, 0.5, 0.8, 1];
    const cells = examine(shifts.map((groundShiftV) => ({ ...HEALTHY, groundShiftV })));
    const drawn = shifts.map((shift, i) => `${shift} V ${word(cells[i]!)}`);
    process.stdout.write(`ground shift: ${drawn.join(" ")}\n`);
    expect(cells.filter(isNormalAndDeaf)).toEqual([]);
    expect(cells.filter(({ alarm }) => alarm)).toEqual([]);
    expect(cells.slice(2, 6)).toEqual(
      Array.from({ length: 4 }, () => ({ state: "normal", alarm: false, heard: true })),
    );
    for (const i of [0, 1, 6, 7]) expect(cells[i]!.state).toBe("degraded");
  }, 120_000);
});

describe("a loop that is degraded", () => {
  test("says so after 2 s with what it reads, and is normal again 2 s after its repair", () => {
    const bench = openFirmwareBench();
    bench.pass(500);
    bench.board.network(1, { ...HEALTHY, seriesOhm: 5_000 });
    bench.pass(1_900);
    expect(bench.of("loop")).toEqual([]);
    bench.pass(300);
    const [said] = bench.of("loop");
    expect(said).toMatchObject({ loop: 1, state: "degraded" });
    // 614 of 1024.
    expect(said!.level).toBeGreaterThanOrEqual(152);
    expect(said!.level).toBeLessThanOrEqual(154);
    bench.pass(1_000);
    expect(bench.of("heartbeat").at(-1)!.levels![1]).toBe(said!.level);
    bench.board.network(1, HEALTHY);
    bench.pass(1_900);
    expect(bench.of("loop")).toHaveLength(1);
    bench.pass(300);
    expect(bench.of("loop").at(-1)).toMatchObject({ loop: 1, state: "normal" });
    expect(presses(bench)).toEqual([]);
  });

  test("between two faulty readings is never normal", () => {
    const bench = openFirmwareBench();
    bench.pass(500);
    // 767 and 769: degraded and open in turn.
    bench.board.network(0, (atMs) => ({ ...HEALTHY, seriesOhm: atMs % 20 < 10 ? 19_800 : 20_300 }));
    bench.pass(4_000);
    bench.heard.length = 0;
    bench.pass(3_000);
    expect(bench.of("heartbeat").map(({ loops }) => loops[0])).not.toContain("normal");
  });

  test("and damp enough to look pressed is no press after a reset, and a press of it is one", () => {
    const bench = openFirmwareBench();
    bench.pass(300);
    bench.board.network(2, grown({ ...HEALTHY, leakageOhm: 3_000 }, 300));
    bench.pass(GROWTH_MS + 3_000);
    bench.board.reset();
    bench.pass(3_000);
    expect(presses(bench)).toEqual([]);
    expect(bench.of("heartbeat").at(-1)!.loops[2]).toBe("degraded");
    bench.board.press(2, 300);
    bench.pass(500);
    expect(pressesOf(bench, 2)).toBe(1);
  });
});

describe("a button that is held while the board starts", () => {
  test("is a press", () => {
    const bench = openFirmwareBench();
    bench.board.hold(0);
    bench.pass(300);
    expect(pressesOf(bench, 0)).toBe(1);
  });

  test("is a press when it opens, if its loop has corrosion: until then it looks like moisture", () => {
    const bench = openFirmwareBench();
    for (const [loop, seriesOhm] of [600, 1_000, 1_500, 2_200].entries()) {
      bench.board.network(loop, { ...HEALTHY, seriesOhm });
      bench.board.hold(loop);
    }
    bench.pass(5_000);
    expect(LOOPS.map((loop) => pressesOf(bench, loop))).toEqual([1, 0, 0, 0]);
    // Also if the board is reset meanwhile.
    bench.board.reset();
    bench.pass(1_000);
    for (const loop of LOOPS) bench.board.release(loop);
    bench.pass(3_000);
    expect(LOOPS.slice(1).map((loop) => pressesOf(bench, loop))).toEqual([1, 1, 1]);
    expect(bench.of("heartbeat").at(-1)!.loops).toEqual(LOOPS.map(() => "normal"));
    // Nobody knows how long they were held.
    expect(bench.of("loop").filter(({ loop, release }) => loop > 0 && release)).toEqual([]);
  });

  const CORNER = { pullUpOhm: 10_500, endOfLineOhm: 9_500, buttonOhm: 3_465 };
  test.each<[string, Partial<Network>, number, number]>([
    ["with a ripple", {}, 0.3, 60],
    ["with resistors of 5 % and a ripple", { ...CORNER, buttonOhm: 3_135 }, 0.3, 60],
    ["with corrosion", { seriesOhm: 1_500 }, 0, 0],
    ["with corrosion and a ripple", { seriesOhm: 1_500 }, 0.3, 150],
    ["with corrosion and a slow ripple", { seriesOhm: 1_500 }, 0.3, 198],
    ["with more corrosion and a ripple", { seriesOhm: 2_200 }, 0.2, 150],
    ["with corrosion, at a corner of 5 %", { ...CORNER, seriesOhm: 3_200 }, 0, 0],
    ["with moisture and a ripple", { leakageOhm: 30_000 }, 0.3, 150],
    ["with a dirty contact", { contactOhm: 7_000 }, 0, 0],
  ])(
    "is one press, however it bounces when it opens: %s",
    (_, change, volts, hz) => {
      const bench = openFirmwareBench({
        onMessage(message, host) {
          if (message.kind === "press") host.say({ kind: "confirm", number: message.press.number });
        },
      });
      const random = createRandom(33);
      for (const loop of LOOPS) {
        bench.board.network(loop, { ...HEALTHY, ...change });
        bench.board.interfere(loop, (atMs) => volts * Math.sin((atMs / 1_000) * 2 * Math.PI * hz + loop));
      }
      bench.pass(300);
      for (let i = 0; i < 10; i++) {
        bench.board.power(false);
        for (const loop of LOOPS) bench.board.hold(loop);
        bench.pass(20);
        bench.heard.length = 0;
        bench.board.power(true);
        bench.pass(100 + random() * 5);
        for (const loop of LOOPS) bench.board.release(loop);
        bench.pass(400);
        expect(LOOPS.map((loop) => pressesOf(bench, loop))).toEqual([1, 1, 1, 1]);
      }
    },
    60_000,
  );

  test("is none if it was moisture, which dries slowly", () => {
    const bench = openFirmwareBench();
    for (const [loop, leakageOhm] of [5_000, 7_000, 9_000, 11_000].entries())
      bench.board.network(loop, (atMs) => ({
        ...HEALTHY,
        leakageOhm: leakageOhm * 2 ** (Math.max(0, atMs - 500) / 50),
      }));
    bench.pass(4_000);
    expect(presses(bench)).toEqual([]);
  });
});
