import { expect, test } from "vitest";
import { pagePolicy } from "../../src/runtime/http-policy.ts";

test("a page runs only scripts and styles that are files of its server, and only its server frames it", () => {
  const policy = pagePolicy();
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).toContain("frame-ancestors 'self'");
  expect(policy).not.toContain("unsafe");
});

test("other origins can be allowed to frame it, to be framed, and to give pictures", () => {
  const policy = pagePolicy({
    frameAncestors: ["'self'", "http://127.0.0.1:9000"],
    frames: ["http://127.0.0.1:8080"],
    images: ["https://tiles.example"],
  });
  expect(policy).toContain("frame-ancestors 'self' http://127.0.0.1:9000");
  expect(policy).toContain("frame-src http://127.0.0.1:8080");
  expect(policy).toContain("img-src 'self' data: blob: https://tiles.example");
});

test.each(["https://a; script-src *", "'unsafe-inline'", "*", "https://a b"])(
  "%s is not an origin",
  (images) => {
    expect(() => pagePolicy({ images: [images] })).toThrow("is not an origin");
  },
);
