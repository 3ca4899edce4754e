import { execFileSync } from "node:child_process";
import { chownSync, lstatSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enrol } from "../../src/cli/enrol.ts";
import { isNtpSynchronised } from "../../src/runtime/clock.ts";
import { readIdentity } from "../../src/settings/identity.ts";
import { rootAt } from "../../src/settings/root.ts";
import { Authority } from "./authority.ts";
import { inFolder } from "./in-folder.ts";

const UNIT = "zrenjanin/zr-117";
let ca: Authority;
let foreign: Authority;
beforeAll(() => {
  ca = new Authority("patrol ca");
  foreign = new Authority("foreign ca");
});
afterAll(() => {
  ca[Symbol.dispose]();
  foreign[Symbol.dispose]();
});
const folder = inFolder((dir) => {
  writeFileSync(join(dir, "local.yaml"), "unit: { directorate: zrenjanin, id: zr-117 }\n");
});

const run = (...args: string[]) => folder.run(enrol, [...args, "--root", folder.dir]);
const csr = () => join(folder.dir, "unit.csr");
const request = () => run("request", "--out", csr());
const install = (file: string, ...more: string[]) => run("install", file, "--ca", ca.at("ca.pem"), ...more);
const identity = (name: string) => join(folder.dir, "identity", name);

describe("enrol request", () => {
  test("makes a key for its owner alone, and a request that openssl verifies", async () => {
    expect(await request()).toEqual({
      exit: 0,
      line: `${csr()}: a request of ${UNIT} for a new key, which stays in ${join(folder.dir, "identity")}`,
    });
    expect(statSync(identity("unit.key")).mode & 0o777).toBe(0o600);
    const said = execFileSync("openssl", ["req", "-in", csr(), "-verify", "-noout", "-subject", "-text"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(said).toContain(`CN = ${UNIT}`);
    expect(said).toContain("NIST CURVE: P-256");
    expect(readFileSync(csr(), "utf8")).not.toContain("PRIVATE");
  });

  test("keeps a key that is there, so that it can be repeated", async () => {
    await request();
    const key = readFileSync(identity("unit.key"));
    expect((await request()).line).toContain("for the key that is in");
    expect(readFileSync(identity("unit.key"))).toEqual(key);
  });

  test("asks for the unit if nothing names it, and refuses another one than is configured", async () => {
    expect(await run("request", "--out", csr(), "--unit", "zrenjanin/zr-1")).toMatchObject({ exit: 1 });
    rmSync(join(folder.dir, "local.yaml"));
    expect(await request()).toEqual({ exit: 64, line: "--unit is missing; --help lists the options" });
    expect(await run("request", "--out", csr(), "--unit", "Zr")).toMatchObject({ exit: 64 });
    expect(readdirSync(folder.dir)).toEqual([]);
    expect(await run("request", "--out", csr(), "--unit", UNIT)).toMatchObject({ exit: 0 });
  });

  test("replaces no file that is no key", async () => {
    await request();
    writeFileSync(identity("unit.key"), "notes");
    expect(await request()).toMatchObject({ exit: 1 });
    expect(readFileSync(identity("unit.key"), "utf8")).toBe("notes");
  });

  test.runIf(process.getuid?.() === 0)("gives what it writes the owner of the root", async () => {
    chownSync(folder.dir, 12_345, 23_456);
    await request();
    for (const path of [join(folder.dir, "identity"), identity("unit.key")])
      expect([lstatSync(path).uid, lstatSync(path).gid]).toEqual([12_345, 23_456]);
  });
});

describe("enrol install", () => {
  test("installs the certificate of the request, which is then the unit's identity", async () => {
    await request();
    const { exit, line } = await install(ca.sign(csr(), "unit"));
    expect(line).toMatch(
      /^the certificate of zrenjanin\/zr-117 is installed; it expires on \d{4}-\d\d-\d\d(; whether it is valid today was not checked, .*)?$/,
    );
    expect(exit).toBe(0);
    expect(statSync(identity("unit.pem")).mode & 0o777).toBe(0o644);
    expect(readIdentity(rootAt(folder.dir), UNIT, Date.now(), identity("unit.pem"))).toEqual({
      files: { cert: identity("unit.pem"), key: identity("unit.key") },
      faults: [],
    });
  });

  test("accepts a chain that leads to the CA", async () => {
    await request();
    ca.sign(ca.request("between", "garage ca"), "between", {
      extensions: "basicConstraints=critical,CA:true",
    });
    const leaf = ca.sign(csr(), "leaf", { from: "between" });
    expect(await install(leaf)).toMatchObject({ exit: 1 });
    const chain = join(folder.dir, "chain.pem");
    writeFileSync(chain, readFileSync(leaf, "utf8") + readFileSync(ca.at("between.pem"), "utf8"));
    expect(await install(chain)).toMatchObject({ exit: 0 });
  });

  test("says so if no CA is known", async () => {
    await request();
    const { exit, line } = await run("install", ca.sign(csr(), "unit"));
    expect(line).toContain("; its issuer was not checked: the configuration names no CA");
    expect(exit).toBe(0);
  });

  test.skipIf(isNtpSynchronised())("says what was not checked if the time is not known", async () => {
    await request();
    const { exit, line } = await install(ca.sign(csr(), "past", { days: -1 }));
    expect(line).toMatch(
      /; whether it is valid today was not checked, because the time is not known \(by this computer's own clock it expired on \d{4}-\d\d-\d\d\): run `patrol-unit doctor` when the receiver has a fix$/,
    );
    expect(exit).toBe(0);
    const said = JSON.parse((await install(ca.sign(csr(), "unit"), "--json")).line);
    expect(said).toMatchObject({ issuerChecked: true, datesChecked: false });
  });

  test("without a key says what makes one", async () => {
    const file = ca.sign(ca.request("other", UNIT), "other");
    expect(await install(file)).toEqual({
      exit: 1,
      line: `${identity("unit.key")} is not there: \`enrol request\` makes the key of this unit`,
    });
  });

  describe("refuses, and keeps the certificate that is there,", () => {
    test.each<[string, () => string, RegExp]>([
      [
        "a certificate of another key",
        () => ca.sign(ca.request("a", UNIT), "a"),
        /it belongs to another key/,
      ],
      [
        "a certificate of another CA",
        () => foreign.sign(csr(), "b"),
        /it is not from the CA of dispatch.ca, but from CN=foreign ca/,
      ],
      [
        "a certificate for servers",
        () => ca.sign(csr(), "c", { extensions: "extendedKeyUsage=serverAuth" }),
        /it is not for clients/,
      ],
      [
        "a certificate of a CA",
        () => ca.sign(csr(), "d", { extensions: "basicConstraints=critical,CA:true" }),
        /it is the certificate of a CA/,
      ],
      ["the CA itself", () => ca.at("ca.pem"), /it is the certificate of a CA/],
      ["a key", () => identity("unit.key"), /it does not hold a certificate in PEM/],
      ["a request", () => csr(), /it does not hold a certificate in PEM/],
    ])("%s", async (_, make, says) => {
      await request();
      await install(ca.sign(csr(), "unit"));
      const before = readFileSync(identity("unit.pem"));
      const { exit, line } = await install(make());
      expect(line).toMatch(says);
      expect(line).not.toContain("\n");
      expect(exit).toBe(1);
      expect(readFileSync(identity("unit.pem"))).toEqual(before);
    });

    test("a certificate for another unit", async () => {
      rmSync(join(folder.dir, "local.yaml"));
      await run("request", "--out", csr(), "--unit", "zrenjanin/zr-1");
      const file = ca.sign(csr(), "e");
      writeFileSync(join(folder.dir, "local.yaml"), "unit: { directorate: zrenjanin, id: zr-117 }\n");
      expect(await install(file)).toEqual({
        exit: 1,
        line: `${file} is refused: it is for zrenjanin/zr-1, and this unit is zrenjanin/zr-117`,
      });
    });
  });
});
