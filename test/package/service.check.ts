import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Snapshot } from "../../src/domain/snapshot.ts";
import { VERSION } from "../../src/domain/version.ts";
import { startGuest } from "../journeys/guest.ts";
import { canInstall, openDebian, type Debian } from "./debian.ts";
import { asVersion } from "./packages.ts";

/** The installed package under its own service manager, in a user-mode Linux whose clock is three weeks slow. */
const canBoot =
  canInstall &&
  ["/usr/bin/linux.uml", "/usr/sbin/mosquitto", "/usr/bin/cansend"].every((path) => existsSync(path));

let debian: Debian;
const told = new Map<string, string>();
const said = (what: string): string => told.get(what) ?? "";
let output = "";

const openssl = (...args: string[]): void =>
  void execFileSync("openssl", args, { stdio: "ignore", cwd: debian.at("tmp") });

/** A car's authority, the broker's certificate, and the broker's configuration. */
const makeBroker = (): string => {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...key,
    "-subj",
    "/CN=authority",
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "30",
  );
  openssl(
    "req",
    ...key,
    "-subj",
    "/CN=broker",
    "-addext",
    "subjectAltName=IP:127.0.0.1",
    "-keyout",
    "broker.key",
    "-out",
    "broker.csr",
  );
  openssl(
    ..."x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days 30 -out broker.pem".split(
      " ",
    ),
  );
  execFileSync("chmod", ["-R", "a+rX", debian.at("tmp")]);
  const file = debian.at("tmp/mosquitto.conf");
  const path = (name: string) => debian.at(`tmp/${name}`);
  writeFileSync(
    file,
    `listener 8883\ncafile ${path("ca.pem")}\ncertfile ${path("broker.pem")}\nkeyfile ${path("broker.key")}
require_certificate true\nuse_identity_as_username true\nuser root\n`,
  );
  return file;
};

const layOut = (): void => {
  const root = ["--root", "/var/lib/patrol-unit/root"];
  const profile = ["--profile", `/opt/patrol-unit/${VERSION}/config/vehicles/j1939-van.yaml`];
  const devices = ["--gps", "/dev/ttyS0", "--panic", "none", "--can", "vcan0", ...profile];
  debian.run(
    "patrol-unit",
    "init",
    ...root,
    "--unit",
    "a/b-1",
    "--brokers",
    "mqtts://127.0.0.1:8883",
    "--ca",
    "/tmp/ca.pem",
    ...devices,
  );
  debian.run("patrol-unit", "enrol", "request", ...root, "--out", "/tmp/car.csr");
  openssl(
    ..."x509 -req -in car.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out car.pem".split(" "),
  );
  debian.run("patrol-unit", "enrol", "install", "/tmp/car.pem", ...root);
};

/** Signs three releases: one that works, one whose service ends at once, and one that comes over the link. */
const signReleases = (): void => {
  const key = ["--key", "/tmp/release.pem", "--for", "a/*"];
  debian.run("patrol-unit", "bundle", "keygen", "--out", "/tmp/release.pem");
  debian.run("cp", "/tmp/release.pub.pem", "/etc/patrol-unit/release/hq.pem");
  const broken = (program: string): void =>
    writeFileSync(
      join(program, "dist/patrol-unit.mjs"),
      'process.exit(process.argv.includes("run") ? 3 : 0);\n',
    );
  for (const [version, change] of [["9.9.8"], ["9.9.9", broken], ["9.9.10"]] as const) {
    const name = `patrol-unit_${VERSION}_amd64.deb`;
    const made = asVersion(join("dist", name), version, debian.at("packages"), change);
    const packed = ["--package", `/packages/${basename(made)}`];
    debian.run(
      "patrol-unit",
      "bundle",
      "release",
      ...packed,
      ...key,
      "--from",
      "https://127.0.0.1:8443/packages",
      "--out",
      `/packages/${version}.release`,
    );
    rmSync(debian.at(`packages/${version}`), { recursive: true });
  }
};

const sentence = (body: string): string => {
  const sum = Buffer.from(body).reduce((all, byte) => all ^ byte, 0);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, "0")}\r\n`;
};
/** What a receiver says in one second, at the time of this machine. */
const epoch = (): string => {
  const iso = new Date().toISOString().replaceAll(/\D/g, "");
  const time = `${iso.slice(8, 14)}.00`;
  const date = `${iso.slice(6, 8)}${iso.slice(4, 6)}${iso.slice(2, 4)}`;
  return (
    sentence(`GPRMC,${time},A,4523.0000,N,02023.0000,E,0.0,0.0,${date},,,A`) +
    sentence(`GPGGA,${time},4523.0000,N,02023.0000,E,1,08,1.0,80.0,M,40.0,M,,`)
  );
};

const boot = async (broker: string): Promise<void> => {
  let feeding: NodeJS.Timeout | undefined;
  const guest = startGuest("", {
    init: resolve("test/package/service-guest.sh"),
    env: {
      GUEST_ROOT: debian.root,
      GUEST_BROKER: broker,
      GUEST_DRIVE: resolve("test/package/service-drive.sh"),
      GUEST_NODE: process.execPath,
    },
    onTold(what, value) {
      told.set(what, Buffer.from(String(value), "base64").toString("utf8").trim());
      if (what === "receiver") feeding = setInterval(() => guest.line.write(epoch()), 1_000);
    },
  });
  // The guest is switched off while the receiver speaks.
  guest.line.on("error", () => undefined);
  const timer = setTimeout(() => void guest.cut(), 540_000);
  await guest.off;
  clearTimeout(timer);
  clearInterval(feeding);
  output = guest.console();
};

beforeAll(async () => {
  if (!canBoot) return;
  debian = openDebian();
  mkdirSync(debian.at("packages"));
  const name = `patrol-unit_${VERSION}_amd64.deb`;
  cpSync(join("dist", name), debian.at(`packages/${name}`));
  debian.run("dpkg", "--install", `/packages/${name}`);
  const broker = makeBroker();
  layOut();
  signReleases();
  await boot(broker);
}, 900_000);
afterAll(() => debian?.[Symbol.dispose]());

describe.skipIf(!canBoot)("the installed service", () => {
  test("is armed after the boot, and its exposure is at most 1.5", () => {
    expect(said("active"), output).toBe("active");
    expect(Number(/: ([\d.]+) OK/.exec(said("exposure"))?.[1])).toBeLessThanOrEqual(1.5);
  });

  test("has no capability and no privilege, and limits", () => {
    expect(said("rights")).toMatch(/CapEff: 0{16}/);
    expect(said("rights")).toMatch(/NoNewPrivs: 1/);
    expect(said("rights")).toMatch(/Seccomp: 2/);
    expect(said("oom")).toBe("-900");
    expect(said("limits").split("\n").toSorted()).toEqual(["419430400", "96"]);
  });

  test("sets the clock from its receiver, and reaches a broker whose certificate is newer, within 30 s of the fix", () => {
    expect(Number(said("after")) - Number(said("before"))).toBeGreaterThan(20 * 86_400);
    expect(said("clock")).toMatch(/set-clock: moved by \d+ ms/);
    expect(Number(said("linked")) - Number(said("fixed")) / 1_000).toBeLessThan(30);
  });

  test("reads its devices: receiver, bus and link", () => {
    expect(said("doctor")).toMatch(/^ok {2,}gps: /m);
    expect(said("doctor")).toMatch(/^ok {2,}can: /m);
    expect(said("doctor")).toMatch(/^ok {2,}broker .*127/m);
    expect(said("doctor")).not.toMatch(/^FAIL (?! *trust)/m);
  });

  test("reads the bus by itself under its filter of system calls: socketcan is not loaded", () => {
    const { can } = Snapshot.parse(JSON.parse(said("status")));
    expect(can).toMatchObject({ state: "heard", dropped: 0 });
    expect(can?.frames).toBeGreaterThan(0);
    expect(said("addons").split("\n")).toContain("koffi.node");
    expect(said("addons").split("\n")).not.toContain("can.node");
  });

  test("is started anew by its watchdog when it hangs, and is back", () => {
    expect(said("restarts")).toBe("1");
    expect(said("relinked")).toBe("yes");
    expect(said("trouble")).not.toContain("notify message");
  });

  test("takes a release over on trial, and it counts once dispatch is reached with it", () => {
    expect(said("released")).toMatch(/^version 9\.9\.8, signed by hq, is in force, on trial/);
    expect(said("counts"), output).toBe("yes");
    expect(said("runs")).toBe("/opt/patrol-unit/9.9.8/bin/node");
    expect(said("versions")).toContain(VERSION);
  });

  test("goes back by itself from a release that does not run, and tells dispatch", () => {
    expect(said("broken")).toMatch(/^version 9\.9\.9, signed by hq, is in force, on trial/);
    expect(said("back"), output).toBe("yes");
    expect(said("runs-again")).toBe("/opt/patrol-unit/9.9.8/bin/node");
    expect(said("told")).toBe("yes");
    expect(said("ended")).toMatch(/version 9\.9\.9 goes back to 9\.9\.8: the service was started 5 times/);
  });

  test("fetches a release that comes over the link, and root installs it", () => {
    expect(said("fetched"), `${output}${said("fetching")}`).toBe("yes");
    expect(said("runs-fetched")).toBe("/opt/patrol-unit/9.9.10/bin/node");
    expect(JSON.parse(said("installed"))).toEqual({
      ok: true,
      version: "9.9.10",
      previous: "9.9.8",
      signer: "hq",
    });
    expect(said("tray").split("\n")).not.toContain("ready");
  });

  test("stops clean", () => {
    expect(said("stopped")).toBe("success");
  });
});
