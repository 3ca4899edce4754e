import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { VERSION } from "../../../src/domain/version.ts";

/**
 * Both packages for this machine, uncompressed, as `npm run package` makes them, unpacked into folders. test/package has what
 * takes longer: the real packages, another machine's build, an installation.
 */

const NAMES = ["patrol-unit", "patrol-unit-recorder"] as const;
type Name = (typeof NAMES)[number];
/** The packages for this machine: their programs can be started. */
const ARCHITECTURE = process.arch === "arm64" ? "arm64" : "amd64";
let folder: string;

const unpacked = (name: Name): string => join(folder, name);
const program = (name: Name): string =>
  join(
    unpacked(name),
    name === "patrol-unit" ? `opt/patrol-unit/${VERSION}` : "usr/lib/patrol-unit-recorder",
  );

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "package-test-"));
  const args = ["src/tools/package.ts", "--fast", "--arch", ARCHITECTURE, "--out", folder];
  await promisify(execFile)(process.execPath, args);
  for (const name of NAMES)
    execFileSync("dpkg-deb", [
      "--raw-extract",
      join(folder, `${name}_${VERSION}_${ARCHITECTURE}.deb`),
      unpacked(name),
    ]);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const filesIn = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => relative(root, join(parentPath, name)));

/** Without what npm and Vite name. */
const ownFiles = (name: Name): string[] =>
  filesIn(unpacked(name))
    .filter((path) => !/node_modules\/|dist\/web\/.*\/assets\/|^DEBIAN\//.test(path))
    .map((path) => path.replace(VERSION, "VERSION"))
    .toSorted();

describe.each(NAMES)("the package %s", (name) => {
  test("has these files", async () => {
    await expect(`${ownFiles(name).join("\n")}\n`).toMatchFileSnapshot(`${name}.list`);
  });

  test("has nothing of the development or the demo", () => {
    const all = filesIn(unpacked(name)).join("\n");
    expect(all).not.toMatch(
      /node-pty|aedes|avr8js|web\/demo|patrol-car\.dbc|\.tsx?$|\.map$|node-gyp\/|vitest|esbuild/m,
    );
    const bundle = readFileSync(join(program(name), "dist/unit.mjs"), "utf8");
    expect(["node-pty", "aedes", "avr8js"].filter((module) => bundle.includes(module))).toEqual([]);
  });

  test("has files that everybody may read and only root may change, and no other modes", () => {
    const list = execFileSync(
      "dpkg-deb",
      ["--contents", join(folder, `${name}_${VERSION}_${ARCHITECTURE}.deb`)],
      {
        encoding: "utf8",
      },
    );
    const kinds = new Set(
      list
        .trim()
        .split("\n")
        .map((line) => line.split(/\s+/).slice(0, 2).join(" ")),
    );
    expect([...kinds].toSorted()).toEqual([
      "-rw-r--r-- root/root",
      "-rwxr-xr-x root/root",
      "drwxr-xr-x root/root",
    ]);
  });

  test("starts with its own Node and its own modules, and knows no command that is not in it", async () => {
    const run = (...args: string[]) =>
      promisify(execFile)(
        join(program(name), "bin/node"),
        [join(program(name), "dist/patrol-unit.mjs"), ...args],
        {
          cwd: "/",
          env: {},
        },
      );
    expect((await run("--version")).stdout).toBe(`${VERSION}\n`);
    const { stdout } = await run("--help");
    expect(stdout).not.toMatch(/^ {2}demo/m);
    expect(/^ {2}record /m.test(stdout)).toBe(name === "patrol-unit-recorder");
    expect(/^ {2}run /m.test(stdout)).toBe(name === "patrol-unit");
    await expect(run("demo")).rejects.toMatchObject({ code: 64 });
  });

  test("names a licence and a text for each package of npm that is in it", () => {
    const copyright = readFileSync(join(unpacked(name), `usr/share/doc/${name}/copyright`), "utf8");
    const modules = filesIn(join(program(name), "node_modules"))
      .filter((path) => /(?:^|\/)package\.json$/.test(path))
      .map((path) => readFileSync(join(program(name), "node_modules", path), "utf8"))
      .map((json) =>
        z.object({ name: z.string().optional(), version: z.string().optional() }).parse(JSON.parse(json)),
      )
      .filter(({ version }) => version !== undefined);
    expect(modules.length).toBeGreaterThan(5);
    for (const { name: module, version } of modules) expect(copyright).toContain(`\n${module} ${version}, `);
    expect(copyright).toMatch(/\nnode-linux-(?:x64|arm64) 24\.\S+, MIT \[runtime\]\n/);
    expect(copyright).toMatch(/\nleveldb 1\.20, BSD-3-Clause /);
    expect(copyright).toMatch(/\nmqtt \S+, MIT \[bundle\]\n/);
    expect(copyright).toMatch(/\npreact \S+, MIT \[pages\]\n/);
  });

  test("has a bill of materials with everything that the copyright file names", () => {
    const bill = z
      .object({ components: z.array(z.object({ name: z.string(), version: z.string() })) })
      .parse(JSON.parse(readFileSync(join(unpacked(name), `usr/share/doc/${name}/sbom.cdx.json`), "utf8")));
    const copyright = readFileSync(join(unpacked(name), `usr/share/doc/${name}/copyright`), "utf8");
    for (const { name: component, version } of bill.components)
      expect(copyright).toContain(`\n${component} ${version}, `);
  });

  describe("needs only what its dependencies bring:", () => {
    /** Libraries and versions of symbols that Node and the addons name. */
    const needed = (): string[] =>
      filesIn(program(name))
        .filter((path) => path.endsWith(".node") || path === "bin/node")
        .map((path) =>
          execFileSync("readelf", ["-dV", "-W", join(program(name), path)], { encoding: "utf8" }),
        )
        .flatMap((text) => [...text.matchAll(/(?:NEEDED.*\[|Name: )([^\]\s]+)/g)].map(([, one = ""]) => one));
    const newest = (prefix: string): number =>
      Math.max(
        ...needed().flatMap((one) =>
          one.startsWith(prefix) ? [Number(one.slice(prefix.length).split(".")[0])] : [],
        ),
      );

    test("the libraries of C and C++", () => {
      const libraries = needed().filter((one) => one.includes(".so"));
      expect(new Set(libraries)).toContain("libstdc++.so.6");
      expect(
        libraries.filter(
          (one) => !/^(?:ld-linux-[-\w]+|lib(?:c|dl|m|pthread|stdc\+\+|gcc_s))\.so\.\d$/.test(one),
        ),
      ).toEqual([]);
    });

    test("glibc 2.34, and libstdc++ of GCC 11 or older", () => {
      expect(newest("GLIBC_2.")).toBeGreaterThan(20);
      expect(newest("GLIBC_2.")).toBeLessThanOrEqual(34);
      expect(newest("GLIBCXX_3.4.")).toBeLessThanOrEqual(29);
    });
  });

  test("has shell scripts that a plain sh reads", () => {
    for (const script of ["postinst", "prerm", "postrm"]) {
      const path = join(unpacked(name), "DEBIAN", script);
      expect(statSync(path).mode & 0o777).toBe(0o755);
      execFileSync("sh", ["-n", path]);
      expect(readFileSync(path, "utf8")).not.toContain("@");
    }
  });

  test("has no configuration file of dpkg's: an upgrade asks nothing", () => {
    expect(existsSync(join(unpacked(name), "DEBIAN/conffiles"))).toBe(false);
    expect(existsSync(join(unpacked(name), "etc"))).toBe(false);
  });
});

test.each(["classic-level", "@serialport/bindings-cpp", "koffi", "johnny-five", "firmata-io", "socketcan"])(
  "the car's package loads %s from its own folder",
  async (module) => {
    const code = `import(${JSON.stringify(module)}).then((m) => process.stdout.write(typeof m))`;
    const { stdout } = await promisify(execFile)(join(program("patrol-unit"), "bin/node"), ["--eval", code], {
      cwd: join(program("patrol-unit"), "dist"),
      env: {},
    });
    expect(stdout).toBe("object");
  },
);
