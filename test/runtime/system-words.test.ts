import { expect, test } from "vitest";
import { errorCode, systemWords } from "../../src/runtime/system-words.ts";
import { tcpSource } from "../../src/sources/tcp.ts";
import { freePort } from "../journeys/mosquitto.ts";

const withCode = (code: string) => Object.assign(new Error(`${code}: the system's own words`), { code });

test.each([
  ["read", "ENOENT", "there is no such file"],
  ["read", "EACCES", "this user may not read it"],
  ["write", "EACCES", "this user may not write there"],
  ["listen", "EADDRINUSE", "another program uses this address"],
  ["connect", "ECONNREFUSED", "nothing listens there"],
] as const)("to %s: %s in words", (attempt, code, words) => {
  expect(systemWords(attempt, withCode(code))).toBe(words);
});

test("an error without words keeps its own; of several addresses the first one's code counts", () => {
  expect(systemWords("read", withCode("EDOM"))).toBe("EDOM: the system's own words");
  expect(errorCode(new AggregateError([withCode("ETIMEDOUT"), withCode("EPIPE")]))).toBe("ETIMEDOUT");
  expect(errorCode("a string")).toBeUndefined();
});

test("a receiver on a port where nothing listens is absent, in words", async () => {
  const port = await freePort();
  const chunks = tcpSource("127.0.0.1", port)(new AbortController().signal);
  await expect(chunks[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: "absent",
    message: `tcp://127.0.0.1:${port} cannot be reached: nothing listens there`,
  });
});
