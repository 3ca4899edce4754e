import { describe, expect, test } from "vitest";
import { closure, isLoaded, Lock } from "../../../src/tools/package/modules.ts";

const LOCK = Lock.parse({
  packages: {
    "": { dependencies: { addon: "1" } },
    "node_modules/addon": { dependencies: { shared: "1", "node-gyp": "1", left: "1" } },
    "node_modules/addon/node_modules/shared": { dependencies: { deep: "1" } },
    "node_modules/shared": {},
    "node_modules/deep": {
      optionalDependencies: { "@p/linux-x64": "1", "@p/linux-arm64": "1", "@p/mac": "1" },
    },
    "node_modules/node-gyp": { dependencies: { tar: "1" } },
    "node_modules/tar": {},
    "node_modules/@p/linux-x64": { cpu: "x64", os: "linux" },
    "node_modules/@p/linux-arm64": { cpu: ["arm64"], os: ["linux"] },
    "node_modules/@p/mac": { cpu: ["arm64"], os: ["darwin"] },
  },
});

describe("the packages that an addon needs", () => {
  test("are found as Node finds them: the nearest first", () => {
    const found = closure(LOCK, ["addon"], "amd64");
    expect(found).toContain("node_modules/addon/node_modules/shared");
    expect(found).not.toContain("node_modules/shared");
  });

  test("are those of the architecture", () => {
    expect(closure(LOCK, ["addon"], "arm64").filter((path) => path.includes("@p"))).toEqual([
      "node_modules/@p/linux-arm64",
    ]);
  });

  test("are not those that only compile it, nor what these need", () => {
    expect(closure(LOCK, ["addon"], "amd64").join(" ")).not.toMatch(/node-gyp|tar/);
  });

  test("may lack a dependency that npm has left out, but not the addon itself", () => {
    expect(closure(LOCK, ["addon"], "amd64")).not.toContain("node_modules/left");
    expect(() => closure(LOCK, ["absent"], "amd64")).toThrow("absent is not in package-lock.json");
  });
});

test.each([
  ["index.js", true],
  ["package.json", true],
  ["src/koffi/index.cjs", true],
  ["index.d.ts", false],
  ["index.js.map", false],
  ["README.md", false],
  [".eslintrc.json", false],
  ["test/index.js", false],
  ["deps/leveldb/build.js", false],
  ["cnoke.cjs", false],
  ["prebuilds/linux-x64/classic-level.node", true],
  ["prebuilds/linux-x64/classic-level.musl.node", false],
  ["prebuilds/linux-arm64/classic-level.armv8.node", false],
  ["prebuilds/darwin-x64+arm64/classic-level.node", false],
  ["linux_x64/koffi.node", true],
  ["musl_x64/koffi.node", false],
])("%s of a package of npm is in the package for amd64: %s", (path, expected) => {
  expect(isLoaded(path, "amd64")).toBe(expected);
});
