import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openFiles } from "../../src/bundle/files.ts";
import { install } from "../../src/bundle/install.ts";
import { Store } from "../../src/bundle/store.ts";
import { rootAt } from "../../src/settings/root.ts";
import { keyPair, sealed } from "../bundle/signed.ts";
import { canBootAny, startGuest } from "./guest.ts";

const hasUdev = existsSync("/lib/systemd/systemd-udevd");

const CONFIG = `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: "tcp://127.0.0.1:1" }
panic: none
dispatch: { brokers: ["mqtt://127.0.0.1:1"], allowPlaintext: true }
outbox: { path: outbox, maxMiB: 8 }
`;

test.skipIf(!canBootAny || !hasUdev)(
  "a real udev and systemd mount a FAT stick without suid, devices and programs, the service takes its bundle, the result is on it, and a stick that is pulled leaves no mount",
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "stick-guest-"));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rmSync(dir, { recursive: true, force: true }));
    const at = (name: string) => join(dir, name);
    for (const folder of ["root/trust", "root/inbox", "stick"]) mkdirSync(at(folder), { recursive: true });
    const hq = await keyPair("hq");
    writeFileSync(at("root/trust/hq.pem"), hq.publicPem);
    const bundleOf = (version: number) =>
      sealed(hq.key, { version, files: [{ name: "patrol-unit.yaml", text: CONFIG }] });
    const root = rootAt(at("root"));
    const files = openFiles(root.dir);
    const store = new Store(root, files);
    await install(await bundleOf(1), {
      root,
      files,
      store,
      now: undefined,
      emergency: false,
      from: "hand",
      machineBoot: "boot",
      show: () => undefined,
    });
    writeFileSync(at("stick/fleet of 2026.patrol"), await bundleOf(2));
    writeFileSync(at("disk"), "");
    truncateSync(at("disk"), 16 * 1024 * 1024);

    const guest = startGuest("", {
      init: "test/journeys/stick-guest.sh",
      disks: [at("disk")],
      env: { GUEST_ROOT: at("root"), GUEST_STICK: at("stick") },
    });
    const timer = setTimeout(() => void guest.cut(), 170_000);
    await guest.off;
    clearTimeout(timer);
    const told = (what: string): string =>
      Buffer.from(String(guest.told.get(what)), "base64")
        .toString("utf8")
        .trimEnd();
    expect(told("ended"), guest.console()).toBe("success");
    expect(told("current")).toBe("configs/2");
    expect(told("result").split("\r\n")).toEqual([
      "DONE: zrenjanin/zr-117",
      expect.stringMatching(
        /^fleet of 2026.patrol: version 2 for zrenjanin\/zr-117, signed by hq, is installed, on trial/,
      ),
      "In force: version 2 (before: version 1)",
      expect.stringMatching(/^What to do: leave the ignition on/),
    ]);
    expect(told("files").split("\n")).toEqual(["RESULT-zr-117.txt", "fleet of 2026.patrol"]);
    const mounts = told("mounts").split("\n");
    expect(mounts[0]).toMatch(/ vfat ro,nosuid,nodev,noexec,/);
    for (const line of mounts) expect(line).toMatch(/ vfat r[ow],nosuid,nodev,noexec,.*uid=988/);
    expect(told("mounted")).toBe("0");
    expect(told("left")).toBe("");
    expect(["inactive", "failed"]).toContain(told("pulled"));
    expect(told("stillmounted")).toBe("0");
  },
  180_000,
);
