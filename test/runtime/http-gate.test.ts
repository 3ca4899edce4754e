import { describe, expect, test } from "vitest";
import { Gate, type Knock } from "../../src/runtime/http-gate.ts";

const gateOf = (listen: string, pin?: string) => {
  const clock = { nowMs: 0 };
  const gate = new Gate({
    listen,
    pin,
    mono: () => clock.nowMs,
    machine: () => ["car-7", "192.168.1.5", "fe80::1"],
  });
  const knock = (given: Partial<Knock>) => {
    const verdict = gate.admit({
      host: "127.0.0.1:8080",
      origin: undefined,
      authorization: undefined,
      peer: "127.0.0.1",
      ...given,
    });
    return verdict.allowed ? (verdict.local ? "local" : "remote") : verdict.status;
  };
  return { clock, knock, gate };
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

  test("that is wrong five times is not looked at for a minute, even if it is right then", () => {
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

  test("that is wrong 60 times, whoever gives it, is not looked at for a minute", () => {
    const { knock, clock } = gateOf("0.0.0.0:8080", "4711");
    const ask = (pin: string, n: number) => knock({ host, peer: `10.0.0.${n}`, authorization: basic(pin) });
    for (let n = 0; n < 60; n++) expect(ask("0000", n)).toBe(401);
    expect(ask("4711", 200)).toBe(429);
    expect(knock({ host, peer: "127.0.0.1" })).toBe("local");
    clock.nowMs = 60_000;
    expect(ask("4711", 200)).toBe("remote");
  });
});

describe("what a browser is asked", () => {
  const ask = (given: Partial<Knock>) => {
    const { gate } = gateOf("0.0.0.0:8080", "4711");
    const verdict = gate.admit({
      host: "192.168.1.5:8080",
      origin: undefined,
      authorization: undefined,
      peer: "192.168.1.9",
      ...given,
    });
    return verdict.allowed ? undefined : verdict.headers["www-authenticate"];
  };

  test.each([
    ["a person who opens the address", { accept: "text/html,*/*" }, /^Basic /],
    ["a program that accepts anything", { accept: "*/*" }, /^Basic /],
    ["the page, for JSON", { accept: "application/json" }, /^Session /],
    ["the page, for events", { accept: "text/event-stream" }, /^Session /],
    ["a page whose session is over", { cookie: `patrol-session-8080=${"a".repeat(43)}` }, /^Session /],
  ])("%s gets the right challenge", (_, given, expected) => {
    expect(ask(given)).toMatch(expected);
  });
});

describe("a session", () => {
  const peer = "192.168.1.9";
  const host = "192.168.1.5:8080";
  const knocking = { host, peer, origin: undefined, authorization: undefined };
  const begun = (gate: Gate, pin = "4711") => {
    const done = gate.begin(knocking, pin);
    if ("allowed" in done) throw new Error(done.reason);
    return done.setCookie?.split(";")[0];
  };

  test("lets the peer in without the PIN, until it ends", () => {
    const { gate, knock } = gateOf("0.0.0.0:8080", "4711");
    const cookie = begun(gate);
    expect(knock({ host, peer, cookie })).toBe("remote");
    expect(knock({ host, peer })).toBe(401);
    gate.end({ ...knocking, cookie });
    expect(knock({ host, peer, cookie })).toBe(401);
  });

  test("is checked again for what is answered for a long time", () => {
    const { gate } = gateOf("0.0.0.0:8080", "4711");
    const cookie = begun(gate);
    const verdict = gate.admit({ ...knocking, cookie });
    if (!verdict.allowed) throw new Error(verdict.reason);
    expect(verdict.isStill()).toBe(true);
    gate.end({ ...knocking, cookie });
    expect(verdict.isStill()).toBe(false);
  });

  test("does not outlive the server, and with it its PIN", () => {
    const cookie = begun(gateOf("0.0.0.0:8080", "4711").gate);
    expect(gateOf("0.0.0.0:8080", "4712").knock({ host, peer, cookie })).toBe(401);
  });

  test("is not needed on this machine itself", () => {
    const { gate } = gateOf("0.0.0.0:8080", "4711");
    expect(gate.begin({ ...knocking, peer: "127.0.0.1" }, "wrong")).toEqual({ setCookie: undefined });
  });

  test("is not begun without a PIN in the settings, for another site's page, or under another name", () => {
    const status = (gate: Gate, given: Partial<Knock>) => {
      const done = gate.begin({ ...knocking, ...given }, "4711");
      return "allowed" in done ? done.status : "begun";
    };
    expect(status(gateOf("0.0.0.0:8080").gate, {})).toBe(403);
    const { gate } = gateOf("0.0.0.0:8080", "4711");
    expect(status(gate, { origin: "http://evil.example" })).toBe(403);
    expect(status(gate, { host: "evil.example" })).toBe(421);
  });

  test("needs the right PIN: wrong ones are counted, and the answer says for how long to wait", () => {
    const { gate, clock } = gateOf("0.0.0.0:8080", "4711");
    const tried = (pin: string) => {
      const done = gate.begin(knocking, pin);
      return "allowed" in done ? [done.status, done.retryAfterS] : "begun";
    };
    for (let n = 0; n < 4; n++) expect(tried("0000")).toEqual([401, undefined]);
    expect(tried("0000")).toEqual([401, 60]);
    clock.nowMs = 20_000;
    expect(tried("4711")).toEqual([429, 40]);
    clock.nowMs = 60_000;
    expect(tried("0000")).toEqual([401, 120]);
    clock.nowMs = 180_000;
    expect(tried("4711")).toBe("begun");
  });
});

test("with TLS only its own https pages may ask, and the cookie is kept to it", () => {
  const gate = new Gate({
    listen: "0.0.0.0:8443",
    pin: "4711",
    secure: true,
    mono: () => 0,
    names: ["desk"],
  });
  const ask = (origin: string) => gate.greet({ host: "desk:8443", origin })?.status ?? "welcome";
  expect(ask("https://desk:8443")).toBe("welcome");
  expect(ask("http://desk:8443")).toBe(403);
  const done = gate.begin(
    { host: "desk:8443", origin: undefined, authorization: undefined, peer: "10.0.0.9" },
    "4711",
  );
  expect(done).toEqual({ setCookie: expect.stringMatching(/; Secure$/) });
});
