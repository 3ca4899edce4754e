import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LinuxBinding } from "@serialport/bindings-cpp";
import { expect, test, vi } from "vitest";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { openTty } from "../../src/runtime/tty.ts";
import { waitFor } from "../journeys/car.ts";

const settings = (path: string): string[] =>
  execFileSync("stty", ["-F", path, "-a"], { encoding: "utf8" }).split(/\s+/);

test("a line that keeps DTR does not hang up when it is closed, and is otherwise as it was", async () => {
  const link = join(mkdtempSync(join(tmpdir(), "tty-")), "tty");
  using line = openSerialLine(link);
  execFileSync("stty", ["-F", link, "hupcl"]); // as a real port is at first
  const tty = await openTty(link, 57_600, { keepDtr: true });
  await waitFor("HUPCL to be clear", () => settings(link).includes("-hupcl"));
  const text = settings(link).join(" ");
  expect(text).toMatch(/speed 57600 baud/);
  expect(text).toMatch(/cs8.* cread clocal.* -icanon/);
  const reading = tty.read();
  await line.write("still a line");
  expect(Buffer.from((await reading) ?? []).toString()).toBe("still a line");
  await tty.close();
});

test("a line can be opened again as soon as it is closed", async () => {
  const link = join(mkdtempSync(join(tmpdir(), "tty-")), "tty");
  using _ = openSerialLine(link);
  for (let n = 0; n < 100; n++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const tty = await openTty(link, 57_600);
    const reading = tty.read();
    // oxlint-disable-next-line no-await-in-loop
    await tty.close();
    // oxlint-disable-next-line no-await-in-loop
    expect(await reading).toBeUndefined();
  }
});

test("a line whose rate is changed is otherwise as it was, and still open", async () => {
  const link = join(mkdtempSync(join(tmpdir(), "tty-")), "tty");
  using line = openSerialLine(link);
  execFileSync("stty", ["-F", link, "hupcl"]);
  const tty = await openTty(link, 38_400, { keepDtr: true });
  await waitFor("HUPCL to be clear", () => settings(link).includes("-hupcl"));
  const before = settings(link);
  const reading = tty.read();
  await tty.setBaud(57_600);
  expect(settings(link)).toEqual(before.with(before.indexOf("38400"), "57600"));
  await line.write("still a line");
  expect(Buffer.from((await reading) ?? []).toString()).toBe("still a line");
  await tty.close();
  await expect(tty.setBaud(38_400)).rejects.toThrow();
});

test("a line that is said to be readable once too often is not unplugged", async () => {
  const link = join(mkdtempSync(join(tmpdir(), "tty-")), "tty");
  using line = openSerialLine(link);
  using opened = vi.spyOn(LinuxBinding, "open");
  const tty = await openTty(link, 57_600);
  const port = await opened.mock.results[0]?.value;
  const reading = tty.read();
  port.poller.emit("readable", null);
  await sleep(20);
  await line.write("still a line");
  expect(Buffer.from((await reading) ?? []).toString()).toBe("still a line");
  await tty.close();
});
