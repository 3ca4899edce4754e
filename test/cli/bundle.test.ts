import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { open } from "../../src/bundle/envelope.ts";
import { trustedKey } from "../../src/bundle/keys.ts";
import { bundle } from "../../src/cli/bundle.ts";
import { CONFIG } from "../bundle/signed.ts";
import { Authority } from "./authority.ts";
import { inFolder } from "./in-folder.ts";

const folder = inFolder((dir) => {
  mkdirSync(join(dir, "car"));
  writeFileSync(join(dir, "car/patrol-unit.yaml"), CONFIG);
});

const at = (name: string): string => join(folder.dir, name);
const keygen = (name: string, ...more: string[]) =>
  bundle.run(["keygen", "--out", at(`${name}.pem`), ...more]);
const sign = (...more: string[]) =>
  bundle.run([
    at("car"),
    "--key",
    at("hq.pem"),
    "--out",
    at("car.patrol"),
    ...(more.includes("--for") ? [] : ["--for", "zrenjanin/zr-117"]),
    ...(more.includes("--version") ? [] : ["--version", "7"]),
    ...more,
  ]);
const opened = async () =>
  open(readFileSync(at("car.patrol")), [await trustedKey("hq", readFileSync(at("hq.pub.pem"), "utf8"))]);

test("keygen writes a private key for its owner alone, and the public key", async () => {
  expect(await keygen("hq")).toBe(0);
  expect(statSync(at("hq.pem")).mode & 0o777).toBe(0o600);
  expect(readFileSync(at("hq.pub.pem"), "utf8")).toContain("BEGIN PUBLIC KEY");
});

test("keygen never replaces a key", async () => {
  await keygen("hq");
  const before = readFileSync(at("hq.pem"));
  await expect(keygen("hq")).rejects.toMatchObject({ exit: 74 });
  expect(readFileSync(at("hq.pem"))).toEqual(before);
});

test("a bundle is signed, and says in one line what it is", async () => {
  await keygen("hq");
  expect(await sign("--not-before", "2026-12-01", "--expires", "2027-01-01T06:00:00+01:00")).toBe(0);
  expect(folder.printed).toMatch(
    /car\.patrol: version 7 for zrenjanin\/zr-117, 1 files, \d+ bytes, signed by [\w-]{12}\n$/,
  );
  expect(await opened()).toMatchObject({
    kind: "valid",
    signer: "hq",
    content: {
      for: "zrenjanin/zr-117",
      version: 7,
      notBefore: "2026-12-01T00:00:00.000Z",
      expires: "2027-01-01T05:00:00.000Z",
      files: [{ name: "patrol-unit.yaml", text: CONFIG }],
    },
  });
});

test("a key with a passphrase signs with it, and without a terminal names the option", async () => {
  writeFileSync(at("secret"), "garage\n");
  await keygen("hq", "--passphrase-file", at("secret"));
  await expect(sign()).rejects.toMatchObject({
    exit: 64,
    message: "--passphrase-file is missing, and there is no terminal to ask; --help lists the options",
  });
  expect(await sign("--passphrase-file", at("secret"))).toBe(0);
  writeFileSync(at("secret"), "kitchen\n");
  await expect(sign("--passphrase-file", at("secret"))).rejects.toMatchObject({
    exit: 1,
    message: `${at("hq.pem")} cannot be used: the passphrase is wrong`,
  });
});

test("a bundle can add one trusted key and retire another", async () => {
  await keygen("hq");
  await keygen("next");
  await sign("--add-trust", at("next.pub.pem"), "--retire-trust", "old");
  expect(await opened()).toMatchObject({
    content: { trust: { add: [{ name: "next.pub" }], retire: ["old"] } },
  });
});

test("a private key is not added to the trusted ones", async () => {
  await keygen("hq");
  await expect(sign("--add-trust", at("hq.pem"))).rejects.toMatchObject({ exit: 1 });
});

test("a configuration that is not valid exits 78 with each fault", async () => {
  await keygen("hq");
  writeFileSync(at("car/patrol-unit.yaml"), CONFIG.replace("gps:", "gsp:"));
  await expect(sign()).rejects.toMatchObject({
    code: "CONFIGURATION",
    message: expect.stringContaining("gsp"),
  });
});

test("a bundle that would be too large is not written", async () => {
  await keygen("hq");
  writeFileSync(at("car/patrol-unit.yaml"), CONFIG.replace('"] }', '"], ca: ca.pem }'));
  using authority = new Authority();
  const noise = Buffer.from(Array.from({ length: 500_000 }, () => Math.random() * 256));
  writeFileSync(at("car/ca.pem"), Buffer.concat([readFileSync(authority.at("ca.pem")), noise]));
  await expect(sign()).rejects.toMatchObject({
    exit: 1,
    message: expect.stringMatching(/^the bundle would have \d+ bytes .*: expected at most 524288/),
  });
  expect(() => readFileSync(at("car.patrol"))).toThrow("ENOENT");
});

test.each([
  [["--for", "zrenjanin"], "--for zrenjanin: expected DIRECTORATE/UNIT, DIRECTORATE/* or *"],
  [["--version", "0"], "--version 0: expected a whole number from 1 to 999999999"],
  [["--version", "1.5"], "--version 1.5: expected a whole number from 1 to 999999999"],
  [["--expires", "soon"], "--expires soon: expected a date such as 2026-12-01 or 2026-12-01T06:00:00Z"],
  [
    ["--expires", "2026-02-30"],
    "--expires 2026-02-30: expected a date such as 2026-12-01 or 2026-12-01T06:00:00Z",
  ],
  [
    ["--not-before", "2026-12-02", "--expires", "2026-12-01"],
    "--expires: expected a date after --not-before",
  ],
])("%j is a wrong usage", async (more, message) => {
  await expect(sign(...more)).rejects.toMatchObject({ exit: 64, message });
});

test("a bundle without its folder or an option says which is missing", async () => {
  await expect(bundle.run(["--key", "a"])).rejects.toMatchObject({
    exit: 64,
    message: "the folder DIR of the configuration is missing; --help lists the options",
  });
  await expect(bundle.run([at("car"), "--key", "a"])).rejects.toMatchObject({ exit: 64 });
});
