import { describe, expect, test } from "vitest";
import type { Copy } from "../../src/domain/memory.ts";
import {
  brokersOf,
  COPIES_MAX,
  underPrefix,
  withCopy,
  withLeft,
  withoutCopy,
  withPrefix,
} from "../../src/emergency/copies.ts";

const copy = (episode: string, broker = "mqtts://a:8883"): Copy => ({ episode, broker });
const nobody = () => false;

test("a copy is noted once, in the order of publishing", () => {
  const one = withCopy([], copy("A"), nobody);
  expect(one).toEqual([copy("A")]);
  expect(withCopy(one, copy("A"), nobody)).toBe(one);
  const two = withCopy(one, copy("A", "mqtts://b:8883"), nobody);
  expect(brokersOf(two, "A")).toEqual(["mqtts://a:8883", "mqtts://b:8883"]);
  expect(brokersOf(two, "B")).toEqual([]);
});

test("a copy is forgotten alone", () => {
  const all = [copy("A"), copy("A", "mqtts://b:8883"), copy("B")];
  expect(withoutCopy(all, copy("A"))).toEqual([copy("A", "mqtts://b:8883"), copy("B")]);
  expect(withoutCopy(all, copy("C"))).toBe(all);
  expect(withoutCopy(all, copy("B", "mqtts://b:8883"))).toBe(all);
});

describe("under an earlier prefix", () => {
  const old: Copy = { ...copy("A"), prefix: "old/v1" };

  test("a copy is stored with its prefix, and one of the present prefix is restored without", () => {
    const stored = withPrefix([copy("A"), old], "patrol/v1");
    expect(stored).toEqual([{ ...copy("A"), prefix: "patrol/v1" }, old]);
    expect(underPrefix(stored, "patrol/v1")).toEqual([copy("A"), old]);
    expect(underPrefix(stored, "old/v1")).toEqual([{ ...copy("A"), prefix: "patrol/v1" }, copy("A")]);
  });

  test("a copy of an older release is at the present prefix", () => {
    expect(underPrefix([copy("A")], "patrol/v1")).toEqual([copy("A")]);
  });

  test("a copy is another one than that on the present topic", () => {
    expect(brokersOf([old], "A")).toEqual([]);
    const both = withCopy([old], copy("A"), nobody);
    expect(both).toEqual([old, copy("A")]);
    expect(withoutCopy(both, copy("A"))).toEqual([old]);
    expect(withoutCopy(both, old)).toEqual([copy("A")]);
  });
});

test("a copy is marked as left once, alone", () => {
  const all = [copy("A"), copy("B")];
  const marked = withLeft(all, copy("B"));
  expect(marked).toEqual([copy("A"), { ...copy("B"), left: true }]);
  expect(withLeft(marked, copy("B"))).toBe(marked);
  expect(withLeft(all, copy("C"))).toBe(all);
  expect(withoutCopy(marked, copy("B"))).toEqual([copy("A")]);
});

describe("at the limit of 128", () => {
  const full = Array.from({ length: COPIES_MAX }, (_, n) => copy(`E${n}`));

  test("the oldest copy of an ended episode goes", () => {
    const open = new Set(["E0", "E1"]);
    const all = withCopy(full, copy("new"), (id) => open.has(id));
    expect(all).toHaveLength(COPIES_MAX);
    expect(all.map(({ episode }) => episode)).not.toContain("E2");
    expect(all.slice(0, 2)).toEqual(full.slice(0, 2));
    expect(all.at(-1)).toEqual(copy("new"));
  });

  test("none of the episode that is noted goes, though nobody knows it", () => {
    const all = withCopy(full, copy("E0", "mqtts://b:8883"), nobody);
    expect(brokersOf(all, "E0")).toHaveLength(2);
    expect(brokersOf(all, "E1")).toEqual([]);
  });

  test("a copy that is left on a broker goes first", () => {
    const all = withCopy(withLeft(full, copy("E7")), copy("new"), nobody);
    expect(all).toHaveLength(COPIES_MAX);
    expect(brokersOf(all, "E7")).toEqual([]);
    expect(brokersOf(all, "E0")).toHaveLength(1);
  });

  test("the oldest goes if all are of open episodes", () => {
    const all = withCopy(full, copy("new"), () => true);
    expect(all).toHaveLength(COPIES_MAX);
    expect(all[0]).toEqual(copy("E1"));
    expect(all.at(-1)).toEqual(copy("new"));
  });

  test("one fewer is kept whole", () => {
    expect(withCopy(full.slice(1), copy("new"), nobody)).toEqual([...full.slice(1), copy("new")]);
  });
});
