import { describe, expect, test } from "vitest";
import { Sessions } from "../../src/runtime/http-sessions.ts";

const MINUTE_MS = 60_000;
const open = (secure = false) => {
  const clock = { nowMs: 0 };
  const sessions = new Sessions({ cookie: "s", secure, mono: () => clock.nowMs });
  const begin = () => sessions.begin().split(";")[0]!;
  return { clock, sessions, begin };
};

describe("a session", () => {
  test("has a cookie of 256 bits that no script and no other site can use", () => {
    const { sessions } = open();
    expect(sessions.begin()).toMatch(/^s=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/);
    expect(sessions.begin()).not.toBe(sessions.begin());
  });

  test("ends half an hour after its last use", () => {
    const { clock, sessions, begin } = open();
    const cookie = begin();
    clock.nowMs = 29 * MINUTE_MS;
    expect(sessions.use(cookie)).toBe(true);
    clock.nowMs = 58 * MINUTE_MS;
    expect(sessions.use(cookie)).toBe(true);
    clock.nowMs = 88 * MINUTE_MS;
    expect(sessions.use(cookie)).toBe(false);
  });

  test("ends after twelve hours, even if it is used", () => {
    const { clock, sessions, begin } = open();
    const cookie = begin();
    const used: boolean[] = [];
    for (let minutes = 20; minutes <= 720; minutes += 20) {
      clock.nowMs = minutes * MINUTE_MS;
      used.push(sessions.use(cookie));
    }
    expect(used).toEqual([...Array.from({ length: 35 }, () => true), false]);
  });

  test("ends when sixteen others have been used since", () => {
    const { clock, sessions, begin } = open();
    const first = begin();
    clock.nowMs = 1;
    const second = begin();
    clock.nowMs = 2;
    sessions.use(first);
    for (let n = 0; n < 15; n++) begin();
    expect(sessions.use(first)).toBe(true);
    expect(sessions.use(second)).toBe(false);
  });

  test("is found among other cookies, and behind one that somebody planted", () => {
    const { sessions, begin } = open();
    const cookie = begin();
    expect(sessions.use(`a=b; s=${"x".repeat(43)};${cookie};c`)).toBe(true);
    expect(sessions.use(cookie.replace("s=", "S="))).toBe(false);
    expect(sessions.use(`x${cookie}`)).toBe(false);
    expect(sessions.use(undefined)).toBe(false);
  });

  test("is not searched for in more than four cookies of its name", () => {
    const { sessions, begin } = open();
    const planted = Array.from({ length: 4 }, (_, n) => `s=${String(n).repeat(43)}`).join("; ");
    expect(sessions.use(`${planted}; ${begin()}`)).toBe(false);
  });

  test("that ends takes its cookie with it", () => {
    const { sessions, begin } = open(true);
    const cookie = begin();
    expect(sessions.end(cookie)).toBe("s=; HttpOnly; SameSite=Strict; Path=/; Secure; Max-Age=0");
    expect(sessions.use(cookie)).toBe(false);
  });
});
