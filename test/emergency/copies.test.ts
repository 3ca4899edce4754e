import { describe, expect, test } from "vitest";
import type { Copy } from "../../src/domain/memory.ts";
import { brokersOf, COPIES_MAX, withCopy, withoutCopy } from "../../src/emergency/copies.ts";

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
