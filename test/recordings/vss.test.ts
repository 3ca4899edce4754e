import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { VSS, VSS_VERSION } from "../../src/domain/vss.ts";
import { missed, recordingsFolder } from "./field-data.ts";

const folder = recordingsFolder("vss");
if (folder === undefined) missed(VSS.length, "the tree of VSS 6.0");

type Node = {
  readonly path: string;
  readonly type: string;
  readonly datatype?: string;
  readonly unit?: string;
  readonly allowed?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly instances?: readonly (string | readonly string[])[];
};

const RANGE = /^(\w+)\[(\d+),(\d+)\]$/;
const namesOf = (item: string | readonly string[]): readonly string[] => {
  if (typeof item !== "string") return item;
  const [, name, from, to] = RANGE.exec(item) ?? [];
  return name === undefined
    ? [item]
    : Array.from({ length: Number(to) - Number(from) + 1 }, (_, n) => `${name}${Number(from) + n}`);
};
/** The names that instances add to a path: one list a level; plain names in one list are alternatives. */
const levelsOf = (instances: Node["instances"] = []): readonly (readonly string[])[] =>
  instances.length > 0 && instances.every((item) => typeof item === "string" && !RANGE.test(item))
    ? [instances.flatMap(namesOf)]
    : instances.map(namesOf);

/** The tree with all its instances, by path. */
const expanded = (): ReadonlyMap<string, Node> => {
  const nodes = readFileSync(`${folder}/vss-${VSS_VERSION}.jsonl`, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Node);
  const byPath = new Map(nodes.map((node) => [node.path, node]));
  const pathsOf = (path: string): readonly string[] => {
    const dot = path.lastIndexOf(".");
    if (dot < 0) return [path];
    const above = path.slice(0, dot);
    const parents = levelsOf(byPath.get(above)?.instances).reduce<readonly string[]>(
      (paths, names) => paths.flatMap((one) => names.map((name) => `${one}.${name}`)),
      pathsOf(above),
    );
    return parents.map((parent) => `${parent}${path.slice(dot)}`);
  };
  return new Map(nodes.flatMap((node) => pathsOf(node.path).map((path) => [path, node] as const)));
};

describe.skipIf(folder === undefined)("the catalogue is that of VSS 6.0", () => {
  const tree = folder === undefined ? new Map<string, Node>() : expanded();
  const ours = VSS.filter(({ path }) => !path.startsWith("Vehicle.Police."));

  test.each(ours)("$path: it exists, with this unit, data type, values and limits", (signal) => {
    const node = tree.get(signal.path);
    expect(node?.type).toMatch(/^(sensor|actuator)$/);
    expect(signal.unit).toBe(node!.unit);
    expect(signal.datatype).toBe(node!.datatype);
    expect(signal.values).toEqual(node!.allowed);
    if (node!.min !== undefined || node!.max !== undefined)
      expect(signal.range).toEqual([node!.min, node!.max]);
  });

  test("the overlay takes no path that VSS has", () => {
    expect([...tree.keys()].filter((path) => path.startsWith("Vehicle.Police"))).toEqual([]);
  });
});
