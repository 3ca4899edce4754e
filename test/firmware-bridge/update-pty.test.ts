import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readFirmware } from "../../firmware-bridge/firmware-image.ts";
import { releasedImage, releasedLoader } from "../../firmware-bridge/image.ts";
import { startLiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { OUR_BOOT } from "../../firmware-bridge/simulator/self-programming.ts";
import { UpdateError } from "../../firmware-bridge/update-error.ts";
import { updateBoard } from "../../firmware-bridge/updater.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { openTty } from "../../src/runtime/tty.ts";
import { waitFor } from "../journeys/car.ts";

test("the client updates the simulated board over its serial port, twice", async () => {
  const link = join(mkdtempSync(join(tmpdir(), "update-")), "tty");
  const lamps: string[] = [];
  using live = startLiveBoard({
    link,
    image: releasedImage(),
    loader: { image: releasedLoader(), boot: OUR_BOOT },
    onLight: ({ lamp }) => void lamps.push(lamp),
  });
  await waitFor("the board", () => lamps.at(-1) === "no-host");
  const image = readFirmware(readFileSync(releasedImage(), "utf8"));
  for (let run = 0; run < 2; run++) {
    const began = performance.now();
    const progress: number[] = [];
    const updated = updateBoard({
      path: link,
      openLine: (path, baud) => openTty(path, baud, { keepDtr: true }),
      bauds: [38_400, 57_600],
      time: systemTime,
      image,
      force: true,
      onBegin: () => undefined,
      onProgress: ({ done, of }) => void progress.push(done / of),
    });
    expect(await updated).toMatchObject({
      changed: true,
      before: { firmware: "1.7" },
      after: { firmware: "1.7" },
    });
    process.stdout.write(`an update over the pty: ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    expect(progress.at(-1)).toBe(1);
  }
  expect(live.board.light.lamp).not.toBe("fault");
}, 120_000);

test("a port that cannot be opened is tried for half a second, and reported with what to do", async () => {
  let tried = 0;
  const openLine = async () => {
    tried++;
    throw new Error("Error: No such file or directory, cannot open /dev/ttyUSB9");
  };
  const image = readFirmware(readFileSync(releasedImage(), "utf8"));
  const onProgress = () => undefined;
  const updating = updateBoard({
    path: "/dev/ttyUSB9",
    openLine,
    bauds: [38_400, 57_600],
    time: systemTime,
    image,
    force: true,
    onBegin: () => undefined,
    onProgress,
  });
  await expect(updating).rejects.toThrow(
    new UpdateError("silent", "/dev/ttyUSB9 is not there: is the panic board plugged in?"),
  );
  expect(tried).toBe(5);
});
