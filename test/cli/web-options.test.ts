import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dispatch } from "../../src/cli/dispatch.ts";
import { CommandError, options } from "../../src/cli/lib/command.ts";
import { readWeb, WEB_OPTIONS, withWebAddress } from "../../src/cli/lib/web-options.ts";
import { recordService } from "../../src/cli/record/service.ts";
import { Authority } from "./authority.ts";

let files: Authority;
beforeEach(() => {
  files = new Authority();
});
afterEach(() => files[Symbol.dispose]());

const read = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  readWeb(options(withWebAddress(args), WEB_OPTIONS), env);

/** The exit code and the line of what is refused. */
const refused = async (work: () => unknown): Promise<[number, string]> => {
  try {
    await work();
  } catch (cause) {
    if (cause instanceof CommandError) return [cause.exit, cause.message.replaceAll(`${files.folder}/`, "")];
    throw cause;
  }
  return [0, ""];
};

describe("the options of the console", () => {
  test("without --web there is no page", () => {
    expect(read([])).toBeUndefined();
  });

  test.each([
    [["--web"], "127.0.0.1:8090"],
    [["--web", "--operator", "Ana"], "127.0.0.1:8090"],
    [["--web", "127.0.0.1:0"], "127.0.0.1:0"],
    [["--web=[::1]:9000"], "[::1]:9000"],
    [["--web", "localhost:9000"], "localhost:9000"],
  ])("%j listens at %s", (args, listen) => {
    expect(read(args)).toMatchObject({ listen, tls: undefined, password: undefined });
  });

  test("a map is an address, whose origin is known, or a file", () => {
    const tilesOf = (tiles: string) => read(["--web", "--tiles", tiles])!.tiles;
    expect(tilesOf("https://tiles.example:8443/a/{z}/{x}/{y}.png?k=1")).toMatchObject({
      kind: "url",
      origin: "https://tiles.example:8443",
    });
    expect(tilesOf("https://{s}.tiles.example/{z}/{x}/{y}.png")).toMatchObject({
      origin: "https://*.tiles.example",
    });
    expect(tilesOf("maps/zrenjanin.pmtiles")).toEqual({ kind: "file", file: "maps/zrenjanin.pmtiles" });
  });

  test.each([
    [["--operator", "Ana"], "--operator needs --web"],
    [["--tiles", "x"], "--tiles needs --web"],
    [["--web", "8090"], "--web 8090: expected HOST:PORT such as 127.0.0.1:8090"],
    [["--web", "127.0.0.1:70000"], "--web 127.0.0.1:70000: expected HOST:PORT such as 127.0.0.1:8090"],
    [["--web", "--operator", "a\u0007b"], "--operator: expected a name of at most 64 characters"],
    [["--web", "--operator", "x".repeat(65)], "--operator: expected a name of at most 64 characters"],
    [["--web", "--web-cert", "x.pem"], "--web-cert and --web-key: give both or neither"],
    [
      ["--web", "--tiles", "https://tiles.example/"],
      "--tiles https://tiles.example/: expected https://HOST/…{z}…{x}…{y}…, or a PMTiles file",
    ],
    [
      ["--web", "--tiles", "javascript:{z}{x}{y}"],
      "--tiles javascript:{z}{x}{y}: expected https://HOST/…{z}…{x}…{y}…, or a PMTiles file",
    ],
    [
      ["--web", "--tiles", "https://a;script-src *.b/{z}/{x}/{y}"],
      "--tiles https://a;script-src *.b/{z}/{x}/{y}: expected https://HOST/…{z}…{x}…{y}…, or a PMTiles file",
    ],
  ])("%j is wrong usage", async (args, line) => {
    expect(await refused(() => read(args))).toEqual([64, line]);
  });
});

describe("an address that other machines can reach", () => {
  const cert = () => {
    files.sign(files.request("console", "console.example"), "console");
    return ["--web-cert", files.at("console.pem"), "--web-key", files.at("console.key")];
  };

  test.each(["0.0.0.0:8090", "[::]:8090", "console.example:8090", "10.0.0.1:8090", "127.1:8090"])(
    "%s needs TLS and a password",
    async (listen) => {
      const needs = `--web ${listen}: other machines can reach this address: it needs --web-cert and --web-key, and a password (--web-password FILE or PATROL_UNIT_WEB_PASSWORD)`;
      expect(await refused(() => read(["--web", listen]))).toEqual([64, needs]);
      expect((await refused(() => read(["--web", listen, ...cert()])))[1]).toContain("it needs a password");
      expect(
        (await refused(() => read(["--web", listen], { PATROL_UNIT_WEB_PASSWORD: "correct horse" })))[1],
      ).toContain("it needs --web-cert and --web-key");
    },
  );

  test("is accepted with both; the password comes from a file or the environment", () => {
    writeFileSync(files.at("word"), "correct horse\n");
    const args = ["--web", "0.0.0.0:8090", ...cert()];
    expect(read([...args, "--web-password", files.at("word")])).toMatchObject({ password: "correct horse" });
    expect(read(args, { PATROL_UNIT_WEB_PASSWORD: "battery staple" })).toMatchObject({
      password: "battery staple",
      tls: { cert: expect.any(Buffer), key: expect.any(Buffer) },
    });
  });

  test("a password that is short, empty or not there is refused, and never shown", async () => {
    writeFileSync(files.at("word"), "short\n");
    const [exit, line] = await refused(() => read(["--web", "--web-password", files.at("word")]));
    expect([exit, line]).toEqual([
      78,
      "--web-password word: expected a password of 8 to 128 printable ASCII characters on one line",
    ]);
    expect((await refused(() => read(["--web", "--web-password", files.at("none")])))[0]).toBe(74);
    const [code, words] = await refused(() => read(["--web"], { PATROL_UNIT_WEB_PASSWORD: "abc" }));
    expect(code).toBe(64);
    expect(words).not.toContain("abc");
  });
});

describe("both commands", () => {
  const broker = ["--broker", "mqtt://127.0.0.1:1"];

  test("refuse wrong options of the page before they connect", async () => {
    expect((await refused(() => dispatch.run([...broker, "--web", "0.0.0.0:1"])))[0]).toBe(64);
    expect((await refused(() => dispatch.run([...broker, "--web", "--json"])))[1]).toBe(
      "--web and --json: choose one",
    );
    const into = ["--into", `sqlite:${files.at("x.db")}`];
    expect((await refused(() => recordService([...broker, ...into, "--web", "0.0.0.0:1"])))[0]).toBe(64);
  });
});
