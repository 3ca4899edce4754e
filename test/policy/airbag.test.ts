import { expect, test } from "vitest";
import { AirbagWatch } from "../../src/policy/airbag.ts";

/** What is seen of one airbag, frame by frame, by somebody who remembers what it was told. */
const watching = () => {
  const watch = new AirbagWatch();
  const fired = new Set<string>();
  return (path: string, ...frames: boolean[]): number => {
    let told = 0;
    for (const deployed of frames) {
      const what = watch.see(path, deployed, fired.has(path));
      if (what === "fired") fired.add(path);
      if (what === "rearmed") fired.delete(path);
      if (what === "fired") told++;
    }
    return told;
  };
};
const times = (count: number, frame: boolean): boolean[] => Array.from({ length: count }, () => frame);

test("one frame is a glitch, two in a row are a fired airbag, once", () => {
  const see = watching();
  expect(see("Front", false, true, false, true, false)).toBe(0);
  expect(see("Front", true, true, true, true)).toBe(1);
});

test("each airbag is watched by itself", () => {
  const see = watching();
  expect(see("Front", true) + see("Side", true)).toBe(0);
  expect(see("Front", true)).toBe(1);
  expect(see("Side", true)).toBe(1);
});

test("one that flickers in a wreck does not fire again", () => {
  const see = watching();
  see("Front", true, true);
  for (let n = 0; n < 50; n++) expect(see("Front", ...times(99, false), true)).toBe(0);
});

test("one that is fired at the start, and known to be, does not fire", () => {
  const watch = new AirbagWatch();
  for (const deployed of times(500, true)) expect(watch.see("Front", deployed, true)).toBeUndefined();
});

test("a hundred frames in a row say that it was replaced: then it can fire again", () => {
  const watch = new AirbagWatch();
  const rearming = times(100, false).map((deployed) => watch.see("Front", deployed, true));
  expect(rearming.slice(0, 99).every((one) => one === undefined)).toBe(true);
  expect(rearming[99]).toBe("rearmed");
  expect([true, true].map((deployed) => watch.see("Front", deployed, false))).toEqual([undefined, "fired"]);
});
