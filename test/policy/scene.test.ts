import { expect, test } from "vitest";
import type { Fix } from "../../src/domain/fix.ts";
import { createScene } from "../../src/policy/scene.ts";

const fix = (lat: number, accuracyM?: number): Fix => ({
  at: Date.UTC(2026, 10, 24),
  lat,
  lon: 20,
  fix: "3d",
  ...(accuracyM === undefined ? {} : { accuracyM }),
});

test("a position is as old as its arrival, and not trusted after 10 s", () => {
  const scene = createScene();
  scene.see(fix(45), 1_000);
  expect(scene.at(11_000).position).toMatchObject({ ageMs: 10_000, trusted: true });
  expect(scene.at(31_000).position).toMatchObject({ ageMs: 30_000, trusted: false });
  expect(scene.at(31_000).position).not.toHaveProperty("at");
});

test("a position of 100 m and more is not trusted, however new", () => {
  const scene = createScene();
  scene.see(fix(45, 101), 0);
  expect(scene.at(0).position).toMatchObject({ trusted: false });
});

test("the track is the last ten points, oldest first", () => {
  const scene = createScene();
  for (let n = 0; n < 12; n++) scene.mark(fix(n), n * 1000);
  const { track } = scene.at(12_000);
  expect(track?.map(({ lat }) => lat)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(track?.[0]?.ageMs).toBe(10_000);
});

test("without a fix there is no position and no track", () => {
  expect(createScene().at(5)).toEqual({});
});
