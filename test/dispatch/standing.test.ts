import { describe, expect, test } from "vitest";
import {
  ADDRESSES_MS,
  TRUST_MS,
  mayTakeOver,
  published,
  reconnected,
  unheard,
  viewOf,
  couriersFor,
  type EmergencyView,
  type LinkView,
} from "../../src/dispatch/standing.ts";
import { emergency } from "./reports.ts";

const NEW = published(undefined, emergency(1), [], 100);

describe("how far the report of an emergency got", () => {
  test("a new report waits, and so does a changed one whatever became of the one before", () => {
    expect(NEW).toMatchObject({ reach: "waiting", since: 100 });
    expect(published({ ...NEW, reach: "sent" }, emergency(2), [], 200)).toMatchObject({
      reach: "waiting",
      since: 200,
    });
  });

  test("presses that follow each other do not put off the moment at which the connection is no longer trusted", () => {
    const link = { broker: "mqtts://a", elsewhere: false, emergencyMs: 0, arrivedMs: Infinity };
    let standing = NEW;
    for (let n = 2; n <= 4; n++) standing = published(standing, emergency(n), [], 100 + n * 1_000);
    expect(viewOf(standing, link, 5_099)).toMatchObject({ silent: false });
    expect(viewOf(standing, link, 5_100)).toMatchObject({ silent: true });
  });

  test("a repetition keeps what is known of the report, with the new attempt and copies", () => {
    const again = emergency(1, "active", { attempt: 2 });
    expect(published({ ...NEW, reach: "unheard" }, again, ["mqtts://b"], 200)).toEqual({
      report: again,
      copies: ["mqtts://b"],
      since: 100,
      reach: "unheard",
    });
  });

  test("what nobody heard waits again on a new connection; what was sent stays sent", () => {
    expect(reconnected(unheard(NEW), 0, 300)).toMatchObject({ reach: "waiting", since: 300 });
    expect(reconnected({ ...NEW, reach: "sent" }, 0, 300).reach).toBe("sent");
  });

  test("the time that a report has waited counts at the next address of a name, but for what each address may take", () => {
    const trustedMs = (otherAddresses: number, waitedMs: number): number => {
      const now = NEW.since + waitedMs;
      return TRUST_MS - (now - reconnected(NEW, otherAddresses, now).since);
    };
    expect(trustedMs(0, 4_000)).toBe(TRUST_MS);
    expect(trustedMs(2, 0)).toBe(TRUST_MS);
    expect(trustedMs(2, 2_000)).toBe(TRUST_MS - 2_000);
    expect(trustedMs(2, 4_900)).toBe(ADDRESSES_MS / 3);
    expect(trustedMs(2, 9_000)).toBe(ADDRESSES_MS / 3);
  });

  test("what was sent stays sent though a repetition finds no subscriber", () => {
    expect(unheard({ ...NEW, reach: "sent" }).reach).toBe("sent");
  });
});

describe("the link, as an emergency sees it", () => {
  const link = { broker: "mqtts://a", elsewhere: false, emergencyMs: 0, arrivedMs: Infinity };
  test("is silent when the report has waited 5 s, or an emergency before it has had no answer for 5 s", () => {
    expect(viewOf(NEW, link, 5_099)).toEqual({
      kind: "open",
      broker: "mqtts://a",
      elsewhere: false,
      silent: false,
    });
    expect(viewOf(NEW, link, 5_100)).toMatchObject({ silent: true });
    expect(viewOf(NEW, { ...link, emergencyMs: 5_000 }, 100)).toMatchObject({ silent: true });
  });

  test("is not silent because a report was sent long ago", () => {
    expect(viewOf({ ...NEW, reach: "sent" }, link, 1_000_000)).toMatchObject({ silent: false });
  });

  test("is down without a connection", () => {
    expect(viewOf(NEW, undefined, 100)).toEqual({ kind: "down" });
  });
});

const URLS = ["mqtts://a", "mqtts://b", "mqtts://c"];

describe("who gets an emergency beside the link", () => {
  const [a, b, c] = URLS as [string, string, string];
  const fresh: EmergencyView = {
    reach: "waiting",
    awaited: true,
    repeats: false,
    attempt: 1,
    copies: [],
  };
  const sent: EmergencyView = { ...fresh, reach: "sent" };
  const down: LinkView = { kind: "down" };
  const up: LinkView = { kind: "open", broker: a, elsewhere: false, silent: false };
  const silent: LinkView = { ...up, silent: true };
  const elsewhere: LinkView = { ...up, elsewhere: true };
  test.each<[string, EmergencyView, LinkView, readonly string[]]>([
    ["it was just pressed and the link is up", fresh, up, []],
    ["the link is down", fresh, down, [a, b, c]],
    ["the link has not answered for 5 s: also a new connection to its own broker", fresh, silent, [a, b, c]],
    ["nobody listens at the link's broker", { ...fresh, reach: "unheard" }, up, [b, c]],
    ["… and its name has another address", { ...fresh, reach: "unheard" }, elsewhere, [a, b, c]],
    ["the link is up, and its broker's name has another address", fresh, elsewhere, []],
    ["it repeats for the first time", { ...fresh, repeats: true, attempt: 2 }, up, [b, c]],
    ["it repeats for the third time", { ...fresh, repeats: true, attempt: 4 }, up, [b]],
    ["it repeats for the second time", { ...fresh, repeats: true, attempt: 3 }, up, [c]],
    ["it repeats and was sent", { ...sent, repeats: true, attempt: 3 }, up, [c]],
    ["it was sent", sent, up, []],
    ["it was sent, and its repetition has had no answer for 5 s", sent, silent, [a, b, c]],
    ["it was received, and the link has not answered for 5 s", { ...sent, awaited: false }, silent, []],
    ["it was sent, not received, and the link is down", sent, down, [a, b, c]],
    ["it was received and the link is down", { ...sent, awaited: false }, down, []],
    ["it has changed and another broker holds a copy", { ...fresh, copies: [a, c] }, up, [c]],
    [
      "it was received, another broker holds a copy, the link is down",
      { ...sent, awaited: false, copies: [c] },
      down,
      [c],
    ],
    ["the copy is at a broker that is not configured any more", { ...sent, copies: ["mqtts://z"] }, up, []],
  ])("%s", (_case, view, link, expected) => {
    expect(couriersFor(view, link, URLS)).toEqual(expected);
  });

  test("a single broker is not called on twice while the link works", () => {
    expect(couriersFor({ ...fresh, repeats: true, attempt: 2 }, up, [a])).toEqual([]);
  });
});

test("a courier closes a connection of the link that does not answer, or now and then one whose name has another host", () => {
  const link = { broker: "a", elsewhere: true, emergencyMs: 0, arrivedMs: Infinity };
  const alone = { ...link, elsewhere: false };
  expect(mayTakeOver({ ...alone, emergencyMs: 5_000 }, false, 0)).toBe(true);
  expect([4_999, 5_000].map((ms) => mayTakeOver(link, true, ms))).toEqual([false, true]);
  expect(mayTakeOver(alone, true, Infinity)).toBe(false);
  expect(mayTakeOver(link, false, Infinity)).toBe(false);
  // Not while something arrives on it.
  const arriving = { ...alone, emergencyMs: 30_000, arrivedMs: 4_999 };
  expect(mayTakeOver(arriving, true, Infinity)).toBe(false);
  expect(mayTakeOver({ ...arriving, arrivedMs: 5_000 }, true, Infinity)).toBe(true);
});
