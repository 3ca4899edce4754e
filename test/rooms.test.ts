import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, test } from "vitest";

/** Who may import whom: the table of the README. A room may always import itself. */
const ALL = [
  "domain",
  "decode",
  "emergency",
  "policy",
  "sources",
  "outbox",
  "dispatch",
  "settings",
  "status",
  "runtime",
  "cli",
  "demo",
  "firmware-bridge",
  ".",
];
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  decode: ["domain"],
  emergency: ["domain"],
  policy: ["domain"],
  sources: ["domain", "decode", "runtime"],
  outbox: ["domain", "runtime"],
  dispatch: ["domain", "runtime"],
  settings: ["domain", "decode"],
  status: ["domain", "runtime"],
  runtime: ["domain"],
  demo: ["domain", "decode"],
  "firmware-bridge": ["domain", "runtime"],
  cli: ALL,
  ".": ALL,
};
/** Rooms that hold only logic: what they may take from outside. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  domain: ["zod"],
  decode: ["nmea-simple"], // for what only people look at
  emergency: [],
  policy: [],
};
const READS_A_CLOCK = /\bDate\.now\(|\bperformance\.now\(|\bMath\.random\(|\bsetTimeout\(|\bsetInterval\(/;

const sourceFiles = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? sourceFiles(path) : path.endsWith(".ts") ? [path] : [];
  });

const roomOf = (file: string): string => {
  if (file.startsWith("firmware-bridge/")) return "firmware-bridge";
  const parts = relative("src", file).split("/");
  return parts.length === 1 ? "." : parts[0]!;
};
const imports = (text: string): string[] =>
  [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]!);

describe("rooms", () => {
  const files = [...sourceFiles("src"), ...sourceFiles("firmware-bridge")];

  test("every folder is a room of the table", () => {
    expect(new Set(files.map(roomOf))).toEqual(new Set(Object.keys(ROOMS)));
  });

  test("the README shows the same table", () => {
    const readme = readFileSync("README.md", "utf8");
    for (const [room, allowed] of Object.entries(ROOMS)) {
      if (room === "." || room === "cli") continue;
      const row = readme
        .split("\n")
        .find((line) => line.startsWith(`| \`${room === "firmware-bridge" ? room : `src/${room}`}/\``));
      expect(row, room).toBeDefined();
      expect(row!.split("|").at(-2)!.trim()).toBe(allowed.length === 0 ? "nothing" : allowed.join(", "));
    }
  });

  test.each(files)("%s imports only what its room may", (file) => {
    const room = roomOf(file);
    const text = readFileSync(file, "utf8");
    for (const target of imports(text)) {
      if (target.startsWith(".")) {
        const other = roomOf(normalize(join(dirname(file), target)));
        expect([room, ...ROOMS[room]!], `${file} imports ${target}`).toContain(
          other.startsWith("..") ? room : other,
        );
      } else if (LIBRARIES[room]) {
        expect(LIBRARIES[room], `${file} imports ${target}`).toContain(target);
      }
    }
    if (LIBRARIES[room]) expect(text).not.toMatch(READS_A_CLOCK);
  });
});
