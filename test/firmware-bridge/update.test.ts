import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { PAGE_BYTES, readFirmware, SEAL_PAGE } from "../../firmware-bridge/firmware-image.ts";
import type { UpdateProgress } from "../../firmware-bridge/updater.ts";
import { planUpdate } from "../../firmware-bridge/update-plan.ts";
import { createRandom } from "../../src/demo/random.ts";
import { firmwareText, loaderText, type BootBench } from "./boot-bench.ts";
import { openUpdateBench, otherFirmware, type UpdateBench } from "./update-bench.ts";

/** A hex image of Optiboot 7 or newer for an ATmega328P at 16 MHz: none is packaged. */
const OPTIBOOT = process.env["PATROL_UNIT_OPTIBOOT"];
/** `all`: an update is cut at every page and at 200 moments. The default is a sample of them. */
const CUTS =
  process.env["PATROL_UNIT_CUTS"] === "all" ? { everyPage: 1, moments: 200 } : { everyPage: 21, moments: 12 };

const image = readFirmware(firmwareText());
const other = otherFirmware();
const UPDATE_REQUEST = 0x4f;
const PAGES = image.pages.length + 1;

const holds = ({ flash }: BootBench) =>
  [...image.pages, image.seal].every(
    ({ at, bytes }) => Buffer.compare(flash.subarray(at, at + bytes.length), bytes) === 0,
  );

/** An update that must succeed, and must leave the EEPROM alone. */
const succeed = async ({ bench, update }: UpdateBench, what: string): Promise<number> => {
  const eeproms: Uint8Array[] = [];
  const result = await update(image, { onProgress: () => void eeproms.push(Uint8Array.from(bench.eeprom)) });
  expect(result, what).toMatchObject({ status: "fulfilled" });
  expect(holds(bench), what).toBe(true);
  expect(eeproms.at(-1), what).toEqual(eeproms[0]);
  return result.ms;
};

describe("an update", () => {
  test("replaces the firmware and verifies it, with the board's id and numbers as they were", async () => {
    const line = openUpdateBench({ images: [other, loaderText()] });
    const before = line.bench.hello()!;
    const seen: UpdateProgress[] = [];
    const result = await line.update(image, { onProgress: (progress) => void seen.push(progress) });
    expect(result).toMatchObject({
      status: "fulfilled",
      value: { changed: true, after: { firmware: before.firmware } },
    });
    process.stdout.write(`an update of ${PAGES} pages: ${(result.ms / 1000).toFixed(1)} s\n`);
    expect(holds(line.bench)).toBe(true);
    expect(seen.filter(({ doing }) => doing === "write").map(({ done }) => done)).toEqual(
      Array.from({ length: PAGES }, (_, i) => i + 1),
    );
    expect(seen.at(-1)).toEqual({ doing: "verify", done: PAGES, of: PAGES });
    line.bench.powerCycle();
    expect(line.bench.hello()).toMatchObject({ board: before.board });
  });

  test("finds a board that waits in its loader, without a firmware", async () => {
    const line = openUpdateBench({ images: [loaderText()] });
    await succeed(line, "a board without a firmware");
  });

  test.each([600, 900, 1_200])(
    "finds a board whose loader waits for %i ms after an update that was cut before its first page",
    async (ms) => {
      const line = openUpdateBench({ images: [other, loaderText()] });
      line.bench.hello();
      const cut = await line.update(image, {
        each: () => line.bench.board.light.lamp === "fault" && line.cutLine(),
      });
      expect(cut).toMatchObject({ status: "rejected" });
      line.bench.pass(ms);
      expect(await line.update(image)).toMatchObject({ status: "fulfilled", value: { changed: true } });
      expect(holds(line.bench)).toBe(true);
    },
  );

  test("is refused while a press is pending, and says what to do", async () => {
    const line = openUpdateBench();
    line.bench.hello();
    line.bench.board.press(0, 100);
    line.bench.pass(300);
    const result = await line.update(image);
    expect(result).toMatchObject({ status: "rejected", reason: { code: "refused" } });
    expect(result.status === "rejected" && String(result.reason)).toContain("let the service run");
  });

  test("of a board that has the image already is not made", async () => {
    const line = openUpdateBench();
    const { board, firmware } = line.bench.hello()!;
    const seen: UpdateProgress[] = [];
    const result = await line.update(image, {
      force: false,
      onProgress: (progress) => void seen.push(progress),
    });
    expect(result).toMatchObject({
      status: "fulfilled",
      value: { changed: false, before: { board, firmware }, after: { board, firmware }, awayMs: 0 },
    });
    expect(seen).toEqual([]);
  });

  test("of a board with another image is made without force, and says what it was and for how long", async () => {
    const line = openUpdateBench({ images: [other, loaderText()] });
    const { board, firmware } = line.bench.hello()!;
    const result = await line.update(image, { force: false });
    expect(result).toMatchObject({ value: { changed: true, before: { board, firmware }, after: { board } } });
    const awayMs = result.status === "fulfilled" ? result.value.awayMs : 0;
    expect(awayMs).toBeGreaterThan(5_000);
    expect(awayMs).toBeLessThan(result.ms);
  });

  const drill = {
    kind: "show",
    pattern: "stored",
    quiet: false,
    drill: true,
    darkLoops: [2],
    mayTest: true,
  } as const;

  test("during an emergency is refused by the board", async () => {
    const line = openUpdateBench({ images: [other, loaderText()] });
    line.bench.hello();
    line.bench.say(drill);
    const result = await line.update(image);
    expect(result).toMatchObject({ reason: { code: "refused" } });
    expect(result.status === "rejected" && String(result.reason)).toContain("an emergency is open");
  });

  test("during a drill is made if the unit knows that it is a drill", async () => {
    const line = openUpdateBench({ images: [other, loaderText()] });
    line.bench.hello();
    line.bench.say(drill);
    const result = await line.update(image, { atRest: { ...drill, pattern: "idle", drill: false } });
    expect(result).toMatchObject({ value: { changed: true } });
  });

  test("of a board without a loader, or of no board, changes nothing and says so", async () => {
    const bare = openUpdateBench({ images: [firmwareText()], boot: "none" });
    bare.bench.hello();
    expect(await bare.update(image)).toMatchObject({ reason: { code: "no-loader" } });
    const none = openUpdateBench();
    none.bench.board.power(false);
    expect(await none.update(image)).toMatchObject({ reason: { code: "silent" } });
  });

  test("of a board whose firmware knows no update says so", async () => {
    const text = readFileSync("test/firmware-bridge/images/panic-board-1.1.hex", "utf8");
    const old = openUpdateBench({ images: [text], boot: "none" });
    old.bench.pass(500);
    const result = await old.update(image);
    expect(result.status === "rejected" && String(result.reason)).toContain("too old to start a boot loader");
  });

  test.each([
    ["question", 0],
    ["consent", 1],
  ])(
    "of a board that does not hear the %s in time is not the fault of its firmware",
    async (_what, heard) => {
      let asked = 0;
      const line = openUpdateBench({
        images: [other, loaderText()],
        spoil: (byte) => (byte === UPDATE_REQUEST && asked++ >= heard ? 0 : byte),
      });
      const { firmware } = line.bench.hello()!;
      const result = await line.update(image);
      expect(result).toMatchObject({ reason: { code: "silent" } });
      expect(result.status === "rejected" && String(result.reason)).toContain(
        `the panic board (firmware ${firmware}) did not answer in time`,
      );
    },
  );

  test.each([1, 2, 3])("goes through a line on which one byte in 2,000 is broken (seed %i)", async (seed) => {
    const line = openUpdateBench({
      seed,
      images: [other, loaderText()],
      spoil: (byte, random) => (random() < 1 / 2_000 ? Math.floor(random() * 0x100) : byte),
    });
    line.bench.hello();
    await succeed(line, "a line with errors");
  });
});

/** Cuts the power, or only the line, when `isNow` says so. */
const cut = async (
  line: ReturnType<typeof openUpdateBench>,
  kind: "power" | "line",
  isNow: (at: { ms: number; pages: number }) => boolean,
) => {
  let pages = 0;
  let isCut = false;
  const result = await line.update(image, {
    onProgress: () => void pages++,
    each(ms) {
      if (isCut || !isNow({ ms, pages })) return;
      isCut = true;
      if (kind === "power") line.bench.board.power(false);
      line.cutLine();
    },
  });
  if (kind === "power") {
    line.bench.pass(50);
    line.bench.board.power(true);
  }
  return { isCut, result };
};

describe("an update that is cut", () => {
  const boardWith = (loader: string, seed: number) => {
    const line = openUpdateBench({ seed, images: [other, loader] });
    line.bench.hello();
    return line;
  };

  test("at a page leaves a board that takes the next one", async () => {
    let runs = 0;
    for (let page = 0; page < 2 * PAGES; page += CUTS.everyPage) {
      // Only the line, not the power, at every fourth.
      const kind = runs % 4 === 3 ? "line" : "power";
      const line = boardWith(loaderText(), page);
      const what = `${kind} cut after ${page} pages`;
      const { isCut } = await cut(line, kind, ({ pages }) => pages >= page);
      expect(isCut, what).toBe(true);
      await succeed(line, what);
      runs++;
    }
    process.stdout.write(`updates cut at a page: ${runs}, all boards took the next one\n`);
  }, 1_800_000);

  test("at any moment leaves a board that takes the next one", async () => {
    const random = createRandom(11);
    const left = { firmware: 0, loader: 0 };
    for (let run = 0; run < CUTS.moments; run++) {
      const line = boardWith(loaderText(), run);
      const at = random() * 8_500;
      const kind = run % 4 === 3 ? "line" : "power";
      const what = `${kind} cut after ${at.toFixed(1)} ms, run ${run}`;
      await cut(line, kind, ({ ms }) => {
        if (ms < at - 1 || ms >= at) return ms >= at;
        // To the cycle.
        line.bench.pass(at - ms);
        return true;
      });
      line.bench.pass(200);
      left[line.bench.isWaiting ? "loader" : "firmware"]++;
      await succeed(line, what);
    }
    process.stdout.write(
      `updates cut at any moment: ${JSON.stringify(left)}, all boards took the next one\n`,
    );
  }, 1_800_000);

  test("while the seal is erased or written leaves a board that takes the next one", async () => {
    const sealOf = ({ bench }: UpdateBench) =>
      Buffer.from(bench.flash.slice(SEAL_PAGE, SEAL_PAGE + PAGE_BYTES));
    const random = createRandom(5);
    const reference = boardWith(loaderText(), 0);
    const seals = [sealOf(reference)];
    const changedAt: number[] = [];
    await reference.update(image, {
      each(ms) {
        if (sealOf(reference).equals(seals.at(-1)!)) return;
        seals.push(sealOf(reference));
        changedAt.push(ms);
      },
    });
    // Erased before the first page, then written.
    expect(changedAt).toHaveLength(2);
    let torn = 0;
    for (let run = 0; run < CUTS.moments; run++) {
      const line = boardWith(loaderText(), 0);
      const at = changedAt[run % 2]! - 5 + 6 * random();
      await cut(line, "power", ({ ms }) => {
        if (ms < at - 1) return false;
        line.bench.pass(Math.max(0, at - ms));
        return true;
      });
      if (!seals.some((seal) => seal.equals(sealOf(line)))) torn++;
      await succeed(line, `run ${run}, cut at ${at.toFixed(2)} ms`);
    }
    process.stdout.write(`updates cut while the seal changes: ${CUTS.moments}, ${torn} seals torn\n`);
    expect(torn).toBeGreaterThan(CUTS.moments / 4);
  }, 1_800_000);
});

describe("a plan", () => {
  const addresses = (loader: "ours" | "optiboot") =>
    planUpdate(image, loader).map((step) => `${step.do} ${step.page.at}`);

  test("for our loader ends with the seal, when all else is verified", () => {
    expect(addresses("ours").slice(-2)).toEqual([`write ${SEAL_PAGE}`, `verify ${SEAL_PAGE}`]);
    expect(addresses("ours")).toHaveLength(2 * PAGES);
  });

  test("for Optiboot begins with a jump into it at page 0, and ends with the real page 0", () => {
    const plan = planUpdate(image, "optiboot");
    expect(plan[0]!.page.at).toBe(0);
    expect(plan[0]!.page.bytes).not.toEqual(image.pages[0]!.bytes);
    expect(plan.slice(1, -2).some(({ page }) => page.at === 0)).toBe(false);
    expect(plan.at(-2)).toEqual({ do: "write", page: image.pages[0] });
    expect(plan.at(-1)).toEqual({ do: "verify", page: image.pages[0] });
  });
});

describe.skipIf(OPTIBOOT === undefined)("a board with Optiboot", () => {
  const boardWithOptiboot = (seed: number) => {
    const images = [other, readFileSync(OPTIBOOT!, "utf8")];
    const line = openUpdateBench({ seed, images, boot: { bytes: 512, locked: false } });
    line.bench.hello();
    return line;
  };

  test("takes an update", async () => {
    process.stdout.write(`with Optiboot: ${(await succeed(boardWithOptiboot(1), "Optiboot")) / 1000} s\n`);
  });

  test("takes the next one after a cut between two pages", async () => {
    for (let page = 1; page < 2 * PAGES; page += CUTS.everyPage) {
      const line = boardWithOptiboot(page);
      await cut(line, page % 2 ? "power" : "line", ({ pages }) => pages >= page);
      await succeed(line, `cut after ${page} pages`);
    }
  }, 600_000);
});
