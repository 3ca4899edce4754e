import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { bundle } from "../../src/cli/bundle.ts";
import { check } from "../../src/cli/check.ts";
import { ConfigurationError } from "../../src/settings/fault.ts";
import { Authority } from "./authority.ts";

/** `unit.pem` with `unit.key`, `other.key`, and the CA. */
let files: Authority;
let warned: string;
beforeEach(() => {
  files = new Authority();
  files.sign(files.request("unit", "zrenjanin/zr-117"), "unit");
  files.request("other", "zrenjanin/zr-118");
  warned = "";
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    warned += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  files[Symbol.dispose]();
});

const configOf = (keys: string, brokers = '["mqtts://a:8883"]'): string =>
  `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/ttyACM0 }
panic: none
dispatch: { brokers: ${brokers}, ${keys} }
`;
/** What `check` finds wrong, without the folder; empty: valid. */
const checked = async (keys: string, rest = "", brokers?: string): Promise<string> => {
  writeFileSync(files.at("car.yaml"), configOf(keys, brokers) + rest);
  try {
    expect(await check.run(["--config", files.at("car.yaml")])).toBe(0);
    return "";
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.replaceAll(`${files.folder}/`, "");
  }
};

describe("check of the files of the link", () => {
  test("accepts a CA, and a certificate with its key", async () => {
    expect(await checked("ca: ca.pem, cert: unit.pem, key: unit.key")).toBe("");
    expect(warned).toBe("");
  });

  test("refuses as CA what TLS trusts nothing by, and says which certificate to take", async () => {
    const begin = "car.yaml:4:46: dispatch.ca: expected a file that the link can use, found";
    expect(await checked("ca: unit.pem")).toBe(
      `${begin} unit.pem, which is the certificate of CN=zrenjanin/zr-117, not of an authority (CA): take that of CN=test ca`,
    );
    const extensions = "basicConstraints=critical,CA:true";
    files.sign(files.request("between", "garage ca"), "between", { extensions });
    expect(await checked("ca: between.pem")).toBe(
      `${begin} between.pem, which holds an authority (CN=garage ca) without the one above it: add the certificate of CN=test ca`,
    );
    writeFileSync(
      files.at("both.pem"),
      readFileSync(files.at("between.pem"), "utf8") + readFileSync(files.at("ca.pem"), "utf8"),
    );
    expect(await checked("ca: both.pem")).toBe("");
  });

  test.each([
    [
      "a CA of other text",
      "ca: car.yaml",
      "car.yaml:4:46: dispatch.ca: expected a file that the link can use, found car.yaml, which does not hold a certificate in PEM",
    ],
    [
      "a key of another certificate",
      "cert: unit.pem, key: other.key",
      "car.yaml:4:63: dispatch.key: expected a file that the link can use, found other.key, which does not belong to unit.pem: it is the key of another certificate",
    ],
    [
      "a certificate as the key",
      "cert: unit.pem, key: unit.pem",
      "car.yaml:4:63: dispatch.key: expected a file that the link can use, found unit.pem, which does not hold a private key in PEM",
    ],
    [
      "a folder",
      "ca: .",
      "car.yaml:4:46: dispatch.ca: expected a file that the link can use, found ., which is a folder",
    ],
    [
      "a device",
      "ca: /dev/zero",
      "car.yaml:4:46: dispatch.ca: expected a file that the link can use, found /dev/zero, which is a pipe or a device",
    ],
  ])("refuses %s, with its place", async (_, keys, line) => {
    expect(await checked(keys)).toBe(line);
  });

  test("refuses a pipe, and does not wait for it", async () => {
    execFileSync("mkfifo", [files.at("pipe")]);
    expect(await checked("ca: pipe")).toMatch(/dispatch\.ca: .* found pipe, which is a pipe or a device$/);
  });

  test("refuses a file that is cut in the middle", async () => {
    writeFileSync(files.at("cut.pem"), "-----BEGIN CERTIFICATE-----\nMIIB");
    expect(await checked("ca: cut.pem")).toMatch(/found cut\.pem, which holds a damaged certificate$/);
  });

  test("finds them together with every other fault, also if the unit could not run", async () => {
    writeFileSync(files.at("text"), "no PEM");
    const lines = (await checked("ca: text, cert: text, key: unit.key", "report: { movingS: -1 }\n")).split(
      "\n",
    );
    expect(lines).toEqual([
      expect.stringMatching(/dispatch\.ca: /),
      expect.stringMatching(/dispatch\.cert: /),
      expect.stringMatching(/report\.movingS: /),
    ]);
  });

  test("finds them also if the unit could not run with the configuration", async () => {
    const lines = (await checked("ca: .", "", "[]")).split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/dispatch\.brokers: /),
        expect.stringMatching(/dispatch\.ca: .* a folder$/),
      ]),
    );
  });

  test("only warns of a file that is not there yet", async () => {
    expect(await checked("ca: later.pem, cert: unit.pem, key: later.key")).toBe("");
    expect(warned.match(/^warning: \S+:\d+:\d+: dispatch\.(ca|key): .* cannot be read/gm)).toHaveLength(2);
  });
});

test("a bundle with a CA that no car could use is not signed", async () => {
  mkdirSync(files.at("car"));
  writeFileSync(files.at("car/patrol-unit.yaml"), configOf("ca: ca.pem").replace("id: zr-117", "id: zr-118"));
  writeFileSync(files.at("car/ca.pem"), "no PEM");
  await bundle.run(["keygen", "--out", files.at("hq.pem")]);
  const names = ["--key", files.at("hq.pem"), "--for", "zrenjanin/zr-117", "--version", "1"];
  const signed = bundle.run([files.at("car"), ...names, "--out", files.at("car.patrol")]);
  await expect(signed).rejects.toThrow(/dispatch\.ca: .*which does not hold a certificate in PEM/);
  await expect(signed).rejects.toThrow(/unit\.id: expected the unit/);
});

describe("the firmware that the configuration names", () => {
  const withImage = (name: string) =>
    checked("").then(() => {
      const panic = `panic: { port: /dev/ttyUSB0, image: ${name}, buttons: { dash: { loop: 0 } } }`;
      writeFileSync(files.at("car.yaml"), configOf("").replace("panic: none", panic));
      return check.run(["--config", files.at("car.yaml")]);
    });

  test("is accepted if a board would start it", async () => {
    copyFileSync(releasedImage(), files.at("board.hex"));
    expect(await withImage("board.hex")).toBe(0);
  });

  test("is a fault if it is no image, or not there", async () => {
    writeFileSync(files.at("board.hex"), "no image");
    await expect(withImage("board.hex")).rejects.toThrow(
      /:3:\d+: panic\.image: expected a firmware image for the panic board, found board\.hex: line 1/,
    );
    await expect(withImage("none.hex")).rejects.toThrow(/panic\.image: .* found none\.hex: no such file/);
  });
});
