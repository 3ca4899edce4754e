import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { signReport } from "../../../src/bundle/signed-report.ts";
import type { CommissioningReport } from "../../../src/domain/commissioning.ts";
import type { EventData } from "../../../src/domain/report.ts";
import { createLog } from "../../../src/runtime/log.ts";
import { Commissioning, type CommissioningOptions } from "../../../src/unit/commissioning/event.ts";
import { Authority } from "../../cli/authority.ts";
import { reportWith } from "../../commissioning/report.ts";

let authority: Authority;
beforeAll(() => {
  authority = new Authority();
  for (const name of ["car", "other"]) authority.sign(authority.request(name, "zrenjanin/zr-117"), name);
});
afterAll(() => authority[Symbol.dispose]());

const certificate = (name: string) => new X509Certificate(readFileSync(authority.at(`${name}.pem`)));
const order = async (more: Partial<CommissioningReport> = {}, name = "car"): Promise<unknown> => {
  const key = createPrivateKey(readFileSync(authority.at(`${name}.key`)));
  return { report: await signReport(reportWith(more), key, [certificate(name)]) };
};

const events: EventData[] = [];
beforeEach(() => void events.splice(0));
const unit = (more: Partial<CommissioningOptions> = {}): Commissioning =>
  new Commissioning({
    unit: "zrenjanin/zr-117",
    store: () => "k3v9q0ab",
    boot: () => 7,
    certificate: () => certificate("car"),
    event: (data) => void events.push(data),
    flush: () => Promise.resolve(),
    log: createLog(() => undefined),
    ...more,
  });

test("a report of this unit makes an event with its result, its hash, and what failed and was skipped", async () => {
  expect(await unit().receive(await order())).toBeUndefined();
  expect(events).toEqual([
    {
      type: "commissioning",
      report: "k3v9q0ab-7-1",
      result: "failed",
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      technician: "M. Petrović",
      config: "0".repeat(64),
      passed: 1,
      failed: 1,
      notFitted: 1,
      skipped: 1,
      failures: ["button:dash"],
      skips: ["signal:Vehicle.Body.Hood.IsOpen"],
    },
  ]);
});

test("a report that comes again makes no second event", async () => {
  const one = unit();
  const same = await order();
  expect(await one.receive(same)).toBeUndefined();
  expect(await one.receive(same)).toBeUndefined();
  expect(events).toHaveLength(1);
});

test.each([
  ["another boot", { boot: 6 }],
  ["another store", { store: "zzzzzzzz" }],
])("a report of %s is refused", async (_, more) => {
  expect(await unit().receive(await order(more))).toMatch(/an earlier start of this one/);
  expect(events).toEqual([]);
});

test("a report that another key of the same name has signed is refused", async () => {
  expect(await unit().receive(await order({}, "other"))).toMatch(/not signed by the key that this unit uses/);
  expect(events).toEqual([]);
});

test("a unit without a certificate accepts no report", async () => {
  expect(await unit({ certificate: () => undefined }).receive(await order())).toMatch(
    /not signed by the key/,
  );
});

test.each([
  ["nothing", undefined],
  ["a text", "a.b.c"],
  ["what is not signed", { report: "a.b.c" }],
  ["more than a report", { report: "a.b.c", more: 1 }],
])("%s is refused", async (_, body) => {
  expect(await unit().receive(body)).toMatch(/expected|refused/);
  expect(events).toEqual([]);
});

test("a disk that cannot be written is named; the event is made all the same", async () => {
  const refused = await unit({ flush: () => Promise.reject(new Error("ENOSPC")) }).receive(await order());
  expect(refused).toMatch(/cannot be written to the disk: ENOSPC/);
  expect(events).toHaveLength(1);
});
