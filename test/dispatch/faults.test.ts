import { expect, test } from "vitest";
import { classify, disconnected, explain, refusal } from "../../src/dispatch/faults.ts";
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
  expect(disconnected("mqtts://a", 0x8b).message).toContain("0x8b");
});

test.each([
  [0x9a, "keeps no retained messages", "dispatch must"],
  [0x9b, "takes no messages with QoS 1", "dispatch must"],
  [0x9c, "another server", "ask dispatch"],
  [0x9d, "has moved", "ask dispatch"],
])("a CONNACK %s says that the broker %s, and what to do: %s", (code, says, remedy) => {
  const { message } = classify("mqtts://a", withCode(code));
  expect([message, message]).toEqual([expect.stringContaining(says), expect.stringContaining(remedy)]);
});

test("a DISCONNECT has its reason code, and words if there are some", () => {
  expect(disconnected("mqtts://a", 0x9b).message).toContain("takes no messages with QoS 1");
  expect(disconnected("mqtts://a", 0x8b).message).toContain("0x8b, it is shutting down");
  expect(disconnected("mqtts://a", 0xfe).message).toContain("0xfe");
});

test("a refusal has its code, and words if there are some", () => {
  expect([refusal(0x87), refusal(0xfe)]).toEqual([
    "0x87, not authorised: its access rules do not allow it",
    "0xfe",
  ]);
});

test.each([
  [
    "Host: foo. is not in the cert's altnames: DNS:localhost, IP Address:10.0.0.1",
    "foo",
    "localhost, 10.0.0.1",
  ],
  ["IP: 127.0.0.1 is not in the cert's list: ", "127.0.0.1", "localhost, 10.0.0.1"],
])("a certificate with another name: for which names it is, and what was asked for", (why, host, names) => {
  const cert = { subjectaltname: "DNS:localhost, IP Address:10.0.0.1", subject: { CN: "other" } };
  const thrown = withCode(
    "ERR_TLS_CERT_ALTNAME_INVALID",
    `Hostname/IP does not match certificate's altnames: ${why}`,
  );
  expect(explain(Object.assign(thrown, { host, cert })).words).toBe(
    `the broker's certificate is for ${names}, not for ${host}`,
  );
});

test("a certificate without alternative names is for its CN; of many names five are printed", () => {
  const words = (cert: object) =>
    explain(Object.assign(withCode("ERR_TLS_CERT_ALTNAME_INVALID"), { host: "b", cert })).words;
  expect(words({ subject: { CN: "a" } })).toBe("the broker's certificate is for a, not for b");
  expect(words({ subject: {} })).toBe("the broker's certificate is for no name, not for b");
  expect(words({ subjectaltname: [1, 2, 3, 4, 5, 6, 7].map((n) => `DNS:h${n}`).join(", ") })).toBe(
    "the broker's certificate is for h1, h2, h3, h4, h5, others, not for b",
  );
});

const openssl = (reason: string) =>
  `40DD:error:0A00045C:SSL routines:ssl3_read_bytes:${reason}:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918:SSL alert number 116\n`;

test.each([
  [
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "the broker wants a client certificate: set dispatch.cert and dispatch.key",
  ],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "the broker does not know the CA of the certificate in dispatch.cert"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "what answers does not speak TLS: is it the port for TLS?"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "the broker's certificate is not from the CA of dispatch.ca"],
  ["ERR_SSL_SOMETHING_NEW", "TLS failed: something new"],
])("%s of TLS in words, without the source files of OpenSSL", (code, words) => {
  const thrown = withCode(code, openssl("something new"));
  expect(explain(thrown)).toEqual({ code: "certificate", words });
});

test("what answers in another protocol is not a broker", () => {
  expect(explain(new Error("Invalid header flag bits, must be 0x0 for puback packet")).words).toMatch(
    /^what answers does not speak MQTT .*: is the port right\?$/,
  );
});
