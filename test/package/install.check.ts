import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VERSION } from "../../src/domain/version.ts";
import { canInstall, openDebian, type Debian } from "./debian.ts";
import { asVersion } from "./packages.ts";

const NEWER = "99.0.0";
let debian: Debian;
const run = (...command: string[]): string => debian.run(...command);
const at = (path: string): string => debian.at(path);
const ownerOf = (path: string): string => run("stat", "--format=%U:%G %a", path).trim();

beforeAll(() => {
  if (!canInstall) return;
  debian = openDebian();
  mkdirSync(at("packages"));
  const [car, recorder] = ["patrol-unit", "patrol-unit-recorder"].map(
    (name) => `${name}_${VERSION}_amd64.deb`,
  );
  for (const name of [car!, recorder!]) cpSync(join("dist", name), at(`packages/${name}`));
  const work = mkdtempSync(join(tmpdir(), "newer-"));
  cpSync(asVersion(join("dist", car!), NEWER, work), at(`packages/patrol-unit_${NEWER}_amd64.deb`));
  rmSync(work, { recursive: true });
}, 900_000);
afterAll(() => debian?.[Symbol.dispose]());

describe.skipIf(!canInstall)("on a fresh Debian 12, without network and compiler, the car's package", () => {
  test("is installed by apt, asks nothing, and needs nothing else", () => {
    const done = debian.runBare("apt-get", "install", "--yes", `/packages/patrol-unit_${VERSION}_amd64.deb`);
    expect(done).toMatch(/Setting up patrol-unit/);
    expect(run("dpkg", "--audit")).toBe("");
    expect(run("dpkg", "--verify", "patrol-unit")).toBe("");
  });

  test("has a user, and folders that only that user and root read", () => {
    expect(run("id", "patrol-unit")).toMatch(/\(patrol-unit\) groups=.*\(dialout\)/);
    expect(ownerOf("/var/lib/patrol-unit/root")).toBe("patrol-unit:patrol-unit 750");
    expect(ownerOf("/etc/patrol-unit")).toBe("root:patrol-unit 750");
  });

  test("is enabled, and waits: doctor says what for", () => {
    expect(run("systemctl", "is-enabled", "patrol-unit.service", "patrol-unit.path")).toBe(
      "enabled\nenabled\n",
    );
    const { status, stdout } = debian.tries("patrol-unit", "doctor", "--root", "/var/lib/patrol-unit/root");
    expect(stdout).toContain(
      "FAIL  config: /var/lib/patrol-unit/root has no configuration yet: the service waits for one",
    );
    expect(stdout).toContain("FAIL  identity: this unit has no certificate yet");
    expect(status).toBe(78);
  });

  test("runs every command's help with its own Node", () => {
    expect(run("patrol-unit", "--version")).toBe(`${VERSION}\n`);
    expect(run("patrol-unit", "--help")).toContain("  run ");
  });

  test("lays out a root that doctor and check accept", () => {
    run(
      "patrol-unit",
      "enrol",
      "request",
      "--root",
      "/var/lib/patrol-unit/root",
      "--unit",
      "a/b-1",
      "--out",
      "/tmp/b.csr",
    );
    const init =
      "init --root /var/lib/patrol-unit/root --unit a/b-1 --brokers mqtts://broker:8883 --ca /tmp/ca.pem";
    execFileSync(
      "openssl",
      [
        ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ca -keyout /dev/null -out".split(
          " ",
        ),
        at("tmp/ca.pem"),
      ],
      { stdio: "ignore" },
    );
    run("patrol-unit", ...init.split(" "), "--gps", "/dev/ttyACM0", "--panic", "none", "--can", "none");
    expect(run("patrol-unit", "check", "--root", "/var/lib/patrol-unit/root")).toMatch(/\S/);
    expect(ownerOf("/var/lib/patrol-unit/root/current/patrol-unit.yaml")).toMatch(
      /^patrol-unit:patrol-unit /,
    );
  });

  test("keeps configuration and outbox in an upgrade, which puts the new version in force", () => {
    mkdirSync(at("var/lib/patrol-unit/outbox"), { recursive: true });
    writeFileSync(at("var/lib/patrol-unit/outbox/CURRENT"), "reports");
    writeFileSync(at("etc/patrol-unit/patrol-unit.yaml"), "# mine");
    const before = readFileSync(at("var/lib/patrol-unit/root/current/patrol-unit.yaml"), "utf8");
    run("dpkg", "--install", `/packages/patrol-unit_${NEWER}_amd64.deb`);
    expect(run("readlink", "/opt/patrol-unit/current")).toBe(`${NEWER}\n`);
    expect(existsSync(at(`opt/patrol-unit/${VERSION}`))).toBe(false);
    expect(run("patrol-unit", "--version")).toBe(`${VERSION}\n`);
    expect(readFileSync(at("var/lib/patrol-unit/root/current/patrol-unit.yaml"), "utf8")).toBe(before);
    expect(readFileSync(at("var/lib/patrol-unit/outbox/CURRENT"), "utf8")).toBe("reports");
    expect(readFileSync(at("etc/patrol-unit/patrol-unit.yaml"), "utf8")).toBe("# mine");
  });

  test("goes back to an older version in the same way", () => {
    run("dpkg", "--install", `/packages/patrol-unit_${VERSION}_amd64.deb`);
    expect(run("readlink", "/opt/patrol-unit/current")).toBe(`${VERSION}\n`);
  });

  test("leaves a version in force if the power fails between unpacking and configuring", () => {
    run("dpkg", "--unpack", `/packages/patrol-unit_${NEWER}_amd64.deb`);
    expect(run("readlink", "/opt/patrol-unit/current")).toBe(`${NEWER}\n`);
    expect(run("patrol-unit", "--version")).toBe(`${VERSION}\n`);
    run("dpkg", "--configure", "--pending");
  });

  test("keeps the service disabled in an upgrade if the administrator has disabled it", () => {
    run("systemctl", "disable", "patrol-unit.service");
    run("dpkg", "--install", `/packages/patrol-unit_${VERSION}_amd64.deb`);
    expect(debian.tries("systemctl", "is-enabled", "patrol-unit.service").stdout).toBe("disabled\n");
    run("systemctl", "enable", "patrol-unit.service");
  });

  test("keeps the data when it is removed, and nothing of the program", () => {
    run("dpkg", "--remove", "patrol-unit");
    expect(existsSync(at("opt/patrol-unit"))).toBe(false);
    expect(existsSync(at("usr/lib/systemd/system/patrol-unit.service"))).toBe(false);
    expect(readFileSync(at("var/lib/patrol-unit/outbox/CURRENT"), "utf8")).toBe("reports");
    expect(readFileSync(at("etc/patrol-unit/patrol-unit.yaml"), "utf8")).toBe("# mine");
  });

  test("removes the data when it is purged", () => {
    run("dpkg", "--purge", "patrol-unit");
    for (const path of ["var/lib/patrol-unit", "etc/patrol-unit", "var/cache/patrol-unit", "opt/patrol-unit"])
      expect(existsSync(at(path))).toBe(false);
    expect(run("find", "/etc/systemd", "/var/lib/systemd", "-name", "*patrol*")).toBe("");
  });

  test("is followed by the recorder's package, which waits for its configuration", () => {
    run("dpkg", "--install", `/packages/patrol-unit-recorder_${VERSION}_amd64.deb`);
    expect(run("systemctl", "is-enabled", "patrol-unit-recorder.service")).toBe("enabled\n");
    expect(run("patrol-unit", "record", "--help")).toContain("receipts");
    expect(statSync(at("etc/patrol-unit-recorder")).mode & 0o777).toBe(0o750);
    run("dpkg", "--purge", "patrol-unit-recorder");
    expect(existsSync(at("var/lib/patrol-unit-recorder"))).toBe(false);
  });
});
