import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, test } from "vitest";

/**
 * Who may import whom: the table of src/ARCHITECTURE.md. A room may always import itself. `all`: it wires
 * the others or is at the edge.
 */
const ROOMS: Readonly<Record<string, readonly string[] | "all">> = {
  domain: [],
  decode: ["domain"],
  policy: ["domain"],
  emergency: ["domain"],
  commands: ["domain"],
  custody: ["domain"],
  commissioning: ["domain"],
  runtime: ["domain"],
  wire: ["domain"],
  sources: ["domain", "runtime"],
  outbox: ["domain", "runtime", "custody"],
  dispatch: ["domain", "runtime", "wire"],
  settings: ["domain", "decode"],
  bundle: ["domain", "runtime", "settings"],
  update: ["domain", "runtime", "bundle"],
  status: ["domain", "runtime"],
  recorder: ["domain", "runtime", "wire"],
  "firmware-bridge": ["domain", "runtime"],
  web: ["domain", "commissioning"],
  unit: [
    "domain",
    "decode",
    "policy",
    "emergency",
    "commands",
    "custody",
    "commissioning",
    "runtime",
    "wire",
    "sources",
    "outbox",
    "dispatch",
    "settings",
    "bundle",
    "status",
    "firmware-bridge",
  ],
  demo: "all",
  cli: "all",
  tools: "all",
};
/** What else a file may import, with the reason. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  // Recordings are paced by what they hold.
  "src/sources/recording.ts": ["decode"],
  "src/sources/can/recording.ts": ["decode"],
};
/** Rooms that hold only logic: what they may take from outside. */
const PURE: Readonly<Record<string, readonly string[]>> = {
  domain: ["zod"],
  // Only what people look at, loaded when they do (DECISIONS).
  decode: ["nmea-simple"],
  policy: [],
  emergency: [],
  commands: ["zod"],
  custody: [],
  // The browser shows the same list.
  commissioning: [],
};
/** `new Date(x)` and `Date.UTC` are arithmetic; these read a clock, chance or timers. */
const IMPURE =
  /\bDate\.now\b|\bnew Date\(\)|\bperformance\.|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\b/;
/** Files outside the edges that touch the machine's own time, because they are adapters to it. */
const ADAPTERS: ReadonlySet<string> = new Set([
  "src/sources/recording.ts",
  "src/sources/can/recording.ts",
  "src/sources/can/frame-queue.ts",
  "src/sources/can/bus.ts",
  "src/sources/can/socketcan.ts",
  "src/outbox/disk.ts",
  "src/status/server.ts",
  "src/status/machine.ts",
  "firmware-bridge/stock-board.ts",
]);
const EDGES = new Set(["runtime", "web", "cli", "demo", "tools"]);

const sourceFiles = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sourceFiles(path);
    return /\.tsx?$/.test(path) ? [path] : [];
  });

const roomOf = (file: string): string => {
  if (file.startsWith("firmware-bridge/")) return "firmware-bridge";
  return relative("src", file).split("/")[0]!;
};
const imports = (text: string): string[] =>
  [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]!);

describe("rooms", () => {
  const files = [...sourceFiles("src"), ...sourceFiles("firmware-bridge")].filter(
    (file) => file !== "src/main.ts",
  );

  test("nothing lies at the root of src but main.ts and documents", () => {
    const loose = readdirSync("src").filter((name) => !statSync(join("src", name)).isDirectory());
    expect(loose.filter((name) => !name.endsWith(".md"))).toEqual(["main.ts"]);
  });

  test("every folder is a room of the table", () => {
    expect([...new Set(files.map(roomOf))].toSorted()).toEqual(Object.keys(ROOMS).toSorted());
  });

  test("ARCHITECTURE.md shows the same table", () => {
    const rows = readFileSync("src/ARCHITECTURE.md", "utf8").split("\n");
    for (const [room, allowed] of Object.entries(ROOMS)) {
      const row = rows.find((line) => line.startsWith(`| \`${room}\``));
      expect(row, room).toBeDefined();
      const cell = row!.split("|").at(-2)!.trim();
      const expected =
        allowed === "all"
          ? "everything"
          : room === "unit"
            ? "everything but recorder, web, demo, cli, tools"
            : allowed.length === 0
              ? "nothing"
              : allowed.join(", ");
      expect(cell, room).toBe(expected);
    }
  });

  test.each(files)("%s imports only what its room may", (file) => {
    const room = roomOf(file);
    const allowed = ROOMS[room]!;
    for (const target of imports(readFileSync(file, "utf8"))) {
      if (target.startsWith(".")) {
        const other = roomOf(normalize(join(dirname(file), target)));
        if (other.startsWith("..") || other === room || allowed === "all") continue;
        expect([...allowed, ...(EXCEPTIONS[file] ?? [])], `${file} imports ${target}`).toContain(other);
      } else if (PURE[room]) expect(PURE[room], `${file} imports ${target}`).toContain(target);
    }
  });

  test.each(files.filter((file) => roomOf(file) === "web"))("%s runs in a browser", (file) => {
    expect(imports(readFileSync(file, "utf8")).filter((target) => target.startsWith("node:"))).toEqual([]);
  });

  test.each(files.filter((file) => PURE[roomOf(file)]))("%s reads no clock, no chance, no timer", (file) => {
    expect(readFileSync(file, "utf8")).not.toMatch(IMPURE);
  });

  test.each(files.filter((file) => !PURE[roomOf(file)] && !EDGES.has(roomOf(file))))(
    "%s takes time, timers and chance from its ports",
    (file) => {
      if (ADAPTERS.has(file) || file.startsWith("firmware-bridge/simulator/")) return;
      expect(readFileSync(file, "utf8")).not.toMatch(IMPURE);
    },
  );

  test("every room is imported by a test of its own", () => {
    for (const room of Object.keys(ROOMS)) {
      const folder = `test/${room}`;
      const own = existsSync(folder) ? sourceFiles(folder).filter((file) => file.endsWith(".test.ts")) : [];
      const imported = own.some((file) =>
        imports(readFileSync(file, "utf8")).some(
          (target) => target.includes(`/src/${room}/`) || target.includes(`/${room}/`),
        ),
      );
      expect(imported, `${folder} has no test that imports ${room}`).toBe(true);
    }
  });
});
