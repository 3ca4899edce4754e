import { expect, test } from "vitest";
import { BrokerFaults } from "../../src/dispatch/broker-faults.ts";
import { LinkError } from "../../src/dispatch/port.ts";

const REFUSED = new LinkError("refused", "a: no broker listens there");
const DESERTED = new LinkError("no-listener", "a: nobody listens to this unit there");

test("a fault is reported once, and again after the broker has let the unit in", () => {
  const faults = new BrokerFaults();
  expect([faults.failed("a", REFUSED), faults.failed("a", REFUSED), faults.failed("b", REFUSED)]).toEqual([
    true,
    false,
    true,
  ]);
  expect([faults.letIn("a"), faults.letIn("a")]).toEqual(["refused", undefined]);
  expect(faults.failed("a", REFUSED)).toBe(true);
});

test("that nobody listens at a broker is over when a report has a subscriber there, not before", () => {
  const faults = new BrokerFaults();
  faults.failed("a", DESERTED);
  expect([faults.letIn("a"), faults.failed("a", DESERTED), faults.heard("b")]).toEqual([
    undefined,
    true,
    undefined,
  ]);
  expect([faults.heard("a"), faults.heard("a")]).toEqual(["no-listener", undefined]);
});

test("a broker that is left because dispatch lacks reports has no fault of the link", () => {
  const faults = new BrokerFaults();
  faults.failed("a", new LinkError("no-listener", "a: nobody listens"));
  const unconfirmed = new LinkError("unconfirmed", "a: dispatch does not get what it acknowledges");
  expect([faults.failed("a", unconfirmed), faults.failed("a", unconfirmed)]).toEqual([true, true]);
  expect([faults.letIn("a"), faults.heard("a")]).toEqual([undefined, "no-listener"]);
});

test("a subscriber ends no other fault", () => {
  const faults = new BrokerFaults();
  faults.failed("a", REFUSED);
  expect(faults.heard("a")).toBeUndefined();
  expect(faults.letIn("a")).toBe("refused");
});

test("a courier's connection does not end `failed`: a courier needs less of a broker than the link", () => {
  const faults = new BrokerFaults();
  faults.failed("a", new LinkError("failed", `a: the broker keeps no retained messages`));
  expect(faults.answeredCourier("a")).toBeUndefined();
  expect(faults.letIn("a")).toBe("failed");
  faults.failed("a", new LinkError("timeout", `a: the host does not answer`));
  expect(faults.answeredCourier("a")).toBe("timeout");
});
