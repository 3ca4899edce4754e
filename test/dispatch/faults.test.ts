import { expect, test } from "vitest";
import { classify, disconnected, refusal } from "../../src/dispatch/faults.ts";
import { LinkError } from "../../src/dispatch/port.ts";

const withCode = (code: string | number, message = "it failed"): Error =>
  Object.assign(new Error(message), { code });

test.each([
  ["ECONNREFUSED", "refused"],
  ["ENOTFOUND", "unknown-host"],
  ["EAI_AGAIN", "unknown-host"],
  ["ENETUNREACH", "unreachable"],
  ["ETIMEDOUT", "timeout"],
  ["ECONNRESET", "lost"],
  ["EPIPE", "lost"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "certificate"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "certificate"],
  ["ESOMETHING", "failed"],
  [1, "version"],
  [5, "unauthorised"],
  [132, "version"],
  [133, "unauthorised"],
  [135, "unauthorised"],
  [136, "failed"],
  [200, "failed"],
])("%s is %s", (code, expected) => {
  const error = classify("mqtts://a", withCode(code));
  expect([error.code, error.message.startsWith("mqtts://a: ")]).toEqual([expected, true]);
});

test("of a host with several addresses the first failure counts", () => {
  const all = new AggregateError([withCode("ECONNREFUSED"), withCode("ETIMEDOUT")]);
  expect(classify("mqtts://a", all).code).toBe("refused");
});

test("what is classified stays as it is, and what is no error is a failure", () => {
  const error = new LinkError("stalled", "no answer");
  expect(classify("mqtts://a", error)).toBe(error);
  expect(classify("mqtts://a", "a string").code).toBe("failed");
});

test("a DISCONNECT for a second client names the likely cause; any other its reason code", () => {
  expect(disconnected("mqtts://a", 0x8e).code).toBe("taken-over");
  expect(disconnected("mqtts://a", 0x8e).message).toContain("do two units have the same name?");
  expect(disconnected("mqtts://a", 0x8b).message).toContain("139");
});

test("a refusal has its code, and words if there are some", () => {
  expect([refusal(0x87), refusal(0xfe)]).toEqual([
    "0x87, not authorised: its access rules do not allow it",
    "0xfe",
  ]);
});
