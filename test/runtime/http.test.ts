import { describe, expect, test } from "vitest";
import { createGate, type Knock } from "../../src/runtime/http.ts";

const HOUR_MS = 3_600_000;
const gateOf = (listen: string, pin?: string) => {
  const clock = { nowMs: 0 };
  const gate = createGate({
    listen,
    pin,
    mono: () => clock.nowMs,
    machine: () => ["car-7", "192.168.1.5", "fe80::1"],
  });
  const knock = (given: Partial<Knock>) => {
    const verdict = gate({
      host: "127.0.0.1:8080",
      origin: undefined,
      authorization: undefined,
      peer: "127.0.0.1",
      ...given,
    });
    return verdict.allowed ? (verdict.local ? "local" : "remote") : verdict.status;
  };
  return { clock, knock };
};
const basic = (pin: string) => `Basic ${Buffer.from(`anyone:${pin}`).toString("base64")}`;

describe("the name that is asked for", () => {
  test.each([
    ["127.0.0.1:8080", "local"],
    ["127.0.0.1", "local"],
    ["localhost:8080", "local"],
    ["LOCALHOST:9999", "local"],
    ["[::1]:8080", "local"],
    ["evil.example:8080", 421],
    ["127.0.0.1.evil.example", 421],
    ["localhost.evil.example", 421],
    ["evil.example@127.0.0.1", 421],
    ["car-7:8080", 421],
    ["192.168.1.5:8080", 421],
    ["", 421],
    [undefined, 421],
  ])("on loopback: %s → %s", (host, expected) => {
    expect(gateOf("127.0.0.1:8080").knock({ host })).toBe(expected);
  });

  test.each([
    ["car-7:8080", "remote"],
    ["CAR-7", "remote"],
    ["192.168.1.5:8080", "remote"],
    ["[fe80::1]:8080", "remote"],
    ["0.0.0.0:8080", "remote"],
    ["evil.example:8080", 421],
  ])("off loopback the machine's own names count too: %s → %s", (host, expected) => {
    const { knock } = gateOf("0.0.0.0:8080", "4711");
    expect(knock({ host, peer: "192.168.1.9", authorization: basic("4711") })).toBe(expected);
  });
});

describe("the page that asks", () => {
  test.each([
    [undefined, "local"],
    ["http://127.0.0.1:8080", "local"],
    ["http://127.0.0.1:9999", 403],
    ["https://127.0.0.1:8080", 403],
    ["http://localhost:8080", 403],
    ["http://evil.example", 403],
    ["null", 403],
    ["", 403],
  ])("%s → %s", (origin, expected) => {
    expect(gateOf("127.0.0.1:8080").knock({ origin })).toBe(expected);
  });
});

describe("the PIN", () => {
  const peer = "192.168.1.9";
  const host = "192.168.1.5:8080";
  test.each([
    ["none", undefined, 401],
    ["a wrong one", basic("4712"), 401],
    ["one that begins as it does", basic("471"), 401],
    ["the right one as a browser sends it", basic("4711"), "remote"],
    ["the right one as a bearer token", "Bearer 4711", "remote"],
    ["the right one without a scheme", "4711", 401],
    ["basic credentials without a colon", `Basic ${Buffer.from("4711").toString("base64")}`, 401],
  ])("%s from another machine → %s", (_, authorization, expected) => {
    expect(gateOf("0.0.0.0:8080", "4711").knock({ host, peer, authorization })).toBe(expected);
  });

  test("is not asked on this machine itself", () => {
    expect(gateOf("0.0.0.0:8080", "4711").knock({ host, peer: "::ffff:127.0.0.1" })).toBe("local");
  });

  test("of none, nobody else may ask", () => {
    expect(gateOf("0.0.0.0:8080").knock({ host, peer, authorization: basic("") })).toBe(403);
  });

  test("that is wrong five times within a minute is not looked at, even if it is right then", () => {
    const { knock, clock } = gateOf("0.0.0.0:8080", "4711");
    const ask = (authorization: string | undefined, from = peer) =>
      knock({ host, peer: from, authorization });
    // A browser's first request has none: that is no attempt.
    for (let n = 0; n < 20; n++) expect(ask(undefined)).toBe(401);
    for (let n = 0; n < 5; n++) expect(ask(basic(`${n}`))).toBe(401);
    expect(ask(basic("4711"))).toBe(429);
    expect(ask(basic("4711"), "192.168.1.10")).toBe("remote");
    clock.nowMs = 60_000;
    expect(ask(basic("4711"))).toBe("remote");
  });

  test("that is wrong 60 times within an hour, whoever gives it, is not looked at", () => {
    const { knock, clock } = gateOf("0.0.0.0:8080", "4711");
    const ask = (pin: string, n: number) => knock({ host, peer: `10.0.0.${n}`, authorization: basic(pin) });
    for (let n = 0; n < 60; n++) expect(ask("0000", n)).toBe(401);
    expect(ask("4711", 200)).toBe(429);
    expect(knock({ host, peer: "127.0.0.1" })).toBe("local");
    clock.nowMs = HOUR_MS;
    expect(ask("4711", 200)).toBe("remote");
  });
});
