import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CredentialFiles, readCredentials } from "../../src/dispatch/pem.ts";
import { makeCertificates } from "../journeys/mosquitto.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pem-"));
  makeCertificates(folder, "zrenjanin/zr-117");
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  writeFileSync(at("junk"), "this is no PEM\n");
  writeFileSync(
    at("damaged.pem"),
    readFileSync(at("unit.pem"), "utf8").replace(/\n[A-Za-z0-9+/]{8}/, "\n????????"),
  );
  // The file is being written: its second certificate is not whole.
  const ca = readFileSync(at("ca.pem"), "utf8");
  writeFileSync(at("cut.pem"), ca + ca.slice(0, ca.length / 2));
  openssl("x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der");
  openssl("ec", "-in", "unit.key", "-aes128", "-passout", "pass:x", "-out", "encrypted.key");
  mkdirSync(at("folder.pem"));
  // With the curve before the key, and text before the certificate, as openssl writes them by default.
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-out", "curve.key");
  openssl("x509", "-in", "unit.pem", "-text", "-out", "text.pem");
  copyFileSync(at("unit.key"), at("text.key"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);

const thrownBy = (files: Parameters<typeof readCredentials>[0]): unknown => {
  try {
    return readCredentials(files);
  } catch (error) {
    return error;
  }
};

test.each([
  ["ca", "none.pem", "cannot be read: there is no such file"],
  ["ca", "folder.pem", "cannot be read: it is a folder"],
  ["ca", "junk", "does not hold a certificate in PEM"],
  // TLS ignores it without a word.
  ["ca", "ca.der", "does not hold a certificate in PEM"],
  ["ca", "cut.pem", "holds a damaged certificate"],
  ["cert", "unit.key", "does not hold a certificate in PEM"],
  ["cert", "damaged.pem", "holds a damaged certificate"],
  ["key", "junk", "does not hold a private key in PEM"],
  ["key", "unit.pem", "does not hold a private key in PEM"],
  ["key", "encrypted.key", "holds an encrypted key: the unit needs one without a passphrase"],
  ["key", "broker.key", "does not belong to unit.pem: it is the key of another certificate"],
])("%s: %s is named, with what was expected", (name, file, says) => {
  const files = { ca: at("ca.pem"), cert: at("unit.pem"), key: at("unit.key"), [name]: at(file) };
  expect(thrownBy(files)).toMatchObject({
    code: "credentials-unreadable",
    message: `${at(file)} ${says}`,
  });
});

test("what TLS can use is used: a key after its curve, a certificate after its text, or no file at all", () => {
  expect(
    readCredentials({ ca: at("text.pem"), cert: at("text.pem"), key: at("text.key") }).key,
  ).toBeDefined();
  expect(readCredentials({ key: at("curve.key") }).key).toEqual(readFileSync(at("curve.key")));
  expect(readCredentials({})).toEqual({});
});

test("files that become unusable are used as they were read last, with the file that is wrong", () => {
  const files = { ca: at("ca.pem"), cert: at("used.pem"), key: at("used.key") };
  copyFileSync(at("unit.pem"), files.cert);
  copyFileSync(at("unit.key"), files.key);
  const all = new CredentialFiles();
  const good = all.read(files);
  expect(good.kept).toBeUndefined();
  writeFileSync(files.cert, readFileSync(at("unit.pem")).subarray(0, 200));
  expect(all.read(files)).toMatchObject({ pem: good.pem, kept: { file: files.cert } });
  rmSync(files.cert);
  expect(all.read(files)).toMatchObject({ pem: good.pem, kept: { file: files.cert } });
  copyFileSync(at("broker.pem"), files.cert);
  expect(all.read(files)).toMatchObject({ pem: good.pem, kept: { file: files.key } });
  copyFileSync(at("broker.key"), files.key);
  expect(all.read(files)).toMatchObject({ pem: { key: readFileSync(at("broker.key")) }, kept: undefined });
});

test("files that could never be used are refused, whatever was read from others", () => {
  const all = new CredentialFiles();
  all.read({ ca: at("ca.pem") });
  expect(() => all.read({ ca: at("junk") })).toThrow(/does not hold a certificate/);
});

test("a pipe, a device and a huge file are refused, and none of them is read", () => {
  const pipe = at("pipe");
  execFileSync("mkfifo", [pipe]);
  expect(() => readCredentials({ ca: pipe })).toThrow(`${pipe} is a pipe or a device`);
  expect(() => readCredentials({ ca: "/dev/zero" })).toThrow("/dev/zero is a pipe or a device");
  const huge = at("huge.pem");
  writeFileSync(huge, "");
  truncateSync(huge, 2 ** 33);
  expect(() => readCredentials({ ca: huge })).toThrow(`${huge} has 8589934592 bytes`);
});
