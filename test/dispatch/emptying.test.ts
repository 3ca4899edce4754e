import { expect, test } from "vitest";
import { Emptying } from "../../src/dispatch/emptying.ts";

test("after 5 s without a message a question is asked once, and its answer shows that everything has come", () => {
  const emptying = new Emptying();
  emptying.came(0);
  emptying.settled();
  emptying.accepted(100);
  expect([emptying.look(5_099), emptying.look(5_100), emptying.look(5_350)]).toEqual(["wait", "ask", "wait"]);
  expect(emptying.answered()).toBe(true);
});

test("a message that comes before the answer makes another question necessary", () => {
  const emptying = new Emptying();
  emptying.accepted(0);
  expect(emptying.look(5_000)).toBe("ask");
  emptying.came(6_000);
  expect(emptying.answered()).toBe(false);
  emptying.settled();
  expect(emptying.answered()).toBe(false);
  expect([emptying.look(10_999), emptying.look(11_000)]).toEqual(["wait", "ask"]);
  expect(emptying.answered()).toBe(true);
});

test("while a message is not acknowledged nothing is asked, and after a minute it is given up", () => {
  const emptying = new Emptying();
  expect(emptying.look(1_000_000)).toBe("wait");
  emptying.accepted(0);
  emptying.came(10);
  expect([emptying.look(30_000), emptying.look(59_999), emptying.look(60_000)]).toEqual([
    "wait",
    "wait",
    "give-up",
  ]);
  expect(emptying.answered()).toBe(false);
});

test("a large message is waited for while it arrives", () => {
  const emptying = new Emptying();
  emptying.accepted(0);
  expect(emptying.look(90_000, 1_000)).toBe("wait");
  emptying.came(91_000);
  emptying.settled();
  expect([emptying.look(95_900, 4_910), emptying.look(96_000, 5_010)]).toEqual(["wait", "ask"]);
  expect(new Emptying().look(90_000, 1_000)).toBe("wait");
});
