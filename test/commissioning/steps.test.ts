import { describe, expect, test } from "vitest";
import { BROKER_TRIES } from "../../src/commissioning/advance.ts";
import { AIRBAG, Bench, BROKER, DOOR, SOUND as SOUND_STATUS } from "./car.ts";

const passed = { state: "pass" };
const failed = (words: RegExp) => ({ state: "fail", reason: expect.stringMatching(words) as string });

describe("the fix", () => {
  test("passes when it has been accurate enough for the whole time", () => {
    const bench = new Bench();
    bench.statuses(60);
    expect(bench.shown("fix")).toMatchObject({ state: "waiting" });
    bench.status({ position: { accuracyM: 8.44, satellites: 6 } });
    expect(bench.shown("fix")).toMatchObject({
      ...passed,
      figures: { worstAccuracyM: 8.4, seconds: 60, satellites: 6 },
    });
  });

  test.each([
    ["is too inaccurate", { position: { accuracyM: 10.1 } }],
    ["is lost", { position: undefined }],
    ["does not say how accurate it is", { position: {} }],
  ])("begins to hold anew when it %s", (_, { position }) => {
    const bench = new Bench();
    bench.statuses(50);
    bench.status({ position });
    bench.statuses(60);
    expect(bench.shown("fix")).toMatchObject({ state: "waiting" });
    bench.status();
    expect(bench.shown("fix")).toMatchObject(passed);
  });

  test("begins to hold anew when the service was silent: nobody saw what it did", () => {
    const bench = new Bench();
    bench.statuses(50);
    bench.status({}, 5_001);
    bench.statuses(59);
    expect(bench.shown("fix")).toMatchObject({ state: "waiting" });
    bench.status();
    expect(bench.shown("fix")).toMatchObject(passed);
  });

  test("fails when the time is up, with what is wrong", () => {
    const bench = new Bench();
    bench.status({ position: { accuracyM: 31.26 } });
    bench.timeUp();
    expect(bench.shown("fix")).toMatchObject(failed(/^the time is up: the fix is exact to 31.3 m only/));
  });

  test("can be skipped with a reason", () => {
    const bench = new Bench();
    bench.status();
    bench.give({ kind: "skip", id: "fix", reason: "underground car park" });
    expect(bench.shown("fix")).toEqual({
      state: "not-fitted",
      cause: "skipped",
      reason: "underground car park",
    });
  });
});

describe("a signal", () => {
  test("passes when it has been seen with two values", () => {
    const bench = new Bench();
    bench.status();
    bench.status();
    expect(bench.shown(`signal:${DOOR}`)).toMatchObject({ state: "waiting", first: false });
    bench.status({ signals: { [DOOR]: true } });
    expect(bench.shown(`signal:${DOOR}`)).toMatchObject({ ...passed, figures: { from: false, to: true } });
  });

  test("is not seen to change when it only becomes stale and returns", () => {
    const bench = new Bench();
    bench.status();
    bench.status({ signals: {} });
    bench.status();
    expect(bench.shown(`signal:${DOOR}`)).toMatchObject({ state: "waiting" });
  });

  test("fails when the time is up: it never came, or it never changed", () => {
    const bench = new Bench();
    bench.status({ signals: { [DOOR]: false } });
    bench.timeUp();
    expect(bench.shown(`signal:${DOOR}`)).toMatchObject(failed(/has not changed: it reads false/));
    expect(bench.shown(`signal:${AIRBAG}`)).toMatchObject(failed(/no value of .*Airbag.IsDeployed has come/));
  });

  test("that nobody can change is marked so when it is received", () => {
    const bench = new Bench();
    bench.status();
    expect(bench.shown(`signal:${AIRBAG}`)).toMatchObject({
      state: "not-fitted",
      cause: "cannot-be-tried",
      figures: { value: false },
    });
  });

  test("is tried, or not, as the configuration says", () => {
    const bench = new Bench({
      signals: [
        { path: DOOR, triable: false },
        { path: AIRBAG, triable: true },
      ],
    });
    bench.status();
    expect(bench.shown(`signal:${DOOR}`)).toMatchObject({ state: "not-fitted", cause: "cannot-be-tried" });
    expect(bench.shown(`signal:${AIRBAG}`)).toMatchObject({ state: "waiting" });
  });

  test("is not fitted when no bus is configured, or nothing is mapped", () => {
    expect(new Bench({ signals: undefined }).shown("signal")).toMatchObject({
      state: "not-fitted",
      cause: "not-configured",
      reason: "no bus is configured",
    });
    expect(new Bench({ signals: [] }).shown("signal")).toMatchObject({ reason: "no signal is mapped" });
  });
});

describe("the configuration", () => {
  const faults = [
    { part: "can", says: "car.yaml:5:3: can.signals.Vehicle.Sped: there is no such signal" },
    { part: "status", says: "car.yaml:9:3: status.listen: expected an address" },
  ];

  test("passes without a fault", () => {
    expect(new Bench().shown("configuration")).toEqual({ state: "pass" });
  });

  test("fails with its first fault, and how many there are", () => {
    expect(new Bench({ faults }).shown("configuration")).toMatchObject({
      ...failed(/Vehicle.Sped: there is no such signal \(and 1 more/),
      figures: { faults: 2 },
    });
  });

  test("makes the signals fail when it keeps the bus from being used: it is not as if there were no bus", () => {
    expect(new Bench({ faults, signals: undefined }).shown("signal")).toMatchObject(
      failed(/the bus cannot be used/),
    );
  });

  test("can be skipped with a reason", () => {
    const bench = new Bench({ faults });
    bench.give({ kind: "skip", id: "configuration", reason: "known at headquarters" });
    expect(bench.shown("configuration")).toMatchObject({ cause: "skipped" });
  });
});

describe("a broker", () => {
  const answer = (failure?: string) =>
    ({ kind: "broker", url: BROKER, says: failure ?? "MQTT 5", failed: failure !== undefined }) as const;

  test("is tried with the first status, once at a time, and passes when it can be used", () => {
    const bench = new Bench({ buttons: "none" });
    expect(bench.status()).toEqual([{ kind: "try-broker", url: BROKER }]);
    expect(bench.status({}, 60_000)).toEqual([]);
    bench.give(answer());
    expect(bench.shown(`broker:${BROKER}`)).toEqual({ state: "pass", figures: { tries: 1, says: "MQTT 5" } });
  });

  test("is tried again after a pause, and fails after the last attempt with the last reason", () => {
    const bench = new Bench({ buttons: "none" });
    bench.status();
    for (let n = 1; n < BROKER_TRIES; n++) {
      bench.give(answer("connection refused"));
      expect(bench.status({}, 9_000)).toEqual([]);
      expect(bench.status({}, 1_000)).toEqual([{ kind: "try-broker", url: BROKER }]);
    }
    bench.give(answer("no answer within 10 s"));
    expect(bench.shown(`broker:${BROKER}`)).toMatchObject(failed(/^no answer within 10 s$/));
  });

  test("that was skipped while it was being tried stays skipped", () => {
    const bench = new Bench();
    bench.status();
    bench.give({ kind: "skip", id: `broker:${BROKER}`, reason: "not built yet" });
    bench.give(answer());
    expect(bench.shown(`broker:${BROKER}`)).toMatchObject({ cause: "skipped" });
  });
});

describe("the board's firmware", () => {
  test("passes when it is the one of this release", () => {
    const bench = new Bench();
    bench.status();
    expect(bench.shown("firmware")).toMatchObject(passed);
  });

  test.each([
    ["is another version", { firmware: "1.2" }, /has firmware 1.2, and this release brings \d/],
    ["is not ours", { degraded: true }, /another firmware than ours/],
  ])("fails when it %s", (_, board, words) => {
    const bench = new Bench();
    bench.status({ board: { connected: true, ...board } });
    expect(bench.shown("firmware")).toMatchObject(failed(words));
  });

  test("waits while the board does not answer", () => {
    const bench = new Bench();
    bench.status({ board: { connected: false } });
    bench.timeUp();
    expect(bench.shown("firmware")).toMatchObject(failed(/the panic board does not answer$/));
  });

  test("is not fitted in a car without a board", () => {
    expect(new Bench({ buttons: "none" }).shown("firmware")).toMatchObject({ cause: "not-configured" });
  });
});

describe("the clock", () => {
  test("passes once it is trusted, and says by what", () => {
    const bench = new Bench();
    bench.status({ clock: "unset" });
    expect(bench.shown("clock")).toMatchObject({ state: "waiting" });
    bench.status({ clock: "ntp" });
    expect(bench.shown("clock")).toEqual({ state: "pass", figures: { clock: "ntp" } });
  });

  test("fails when the time is up and nobody knows the time", () => {
    const bench = new Bench();
    bench.status({ clock: "unset" });
    bench.timeUp();
    expect(bench.shown("clock")).toMatchObject(failed(/the time is not known/));
  });
});

describe("the certificate", () => {
  const DAY_MS = 86_400_000;
  const inDays = (days: number) => ({ certificateExpiresAt: SOUND_STATUS.at + days * DAY_MS });

  test("passes with enough days left", () => {
    const bench = new Bench();
    bench.status(inDays(30));
    expect(bench.shown("certificate")).toMatchObject({ ...passed, figures: { days: 30 } });
  });

  test("fails with too few days left", () => {
    const bench = new Bench();
    bench.status(inDays(29.9));
    expect(bench.shown("certificate")).toMatchObject(failed(/valid for 29 days only/));
  });

  test("fails when it has expired", () => {
    const bench = new Bench();
    bench.status(inDays(-1));
    expect(bench.shown("certificate")).toMatchObject(failed(/has expired/));
  });

  test("is not judged by a clock that is not trusted", () => {
    const bench = new Bench();
    bench.status({ ...inDays(-1), clock: "unset" });
    expect(bench.shown("certificate")).toMatchObject({ state: "waiting" });
  });

  test("fails when the time is up and the service cannot read it", () => {
    const bench = new Bench();
    bench.status({ certificateExpiresAt: undefined });
    bench.timeUp();
    expect(bench.shown("certificate")).toMatchObject(failed(/cannot read the certificate/));
  });
});

describe("the power-off", () => {
  const POWER = { kind: "declared", offAfterS: 900, tried: true } as const;

  test("is only declared unless the technician tries it", () => {
    expect(new Bench().shown("power-off")).toMatchObject({
      state: "not-fitted",
      cause: "cannot-be-tried",
      figures: { offAfterS: 900 },
    });
  });

  test("is not fitted when it is not configured, and fails when it is configured in vain", () => {
    expect(new Bench({ power: { kind: "never" } }).shown("power-off")).toMatchObject({
      cause: "not-configured",
    });
    const faulty = { kind: "faulty", reason: "the ignition is not mapped" } as const;
    expect(new Bench({ power: faulty }).shown("power-off")).toMatchObject(failed(/not mapped/));
  });

  test("passes when it was scheduled with the ignition off and cancelled with the ignition on", () => {
    const bench = new Bench({ power: POWER, buttons: "none" });
    bench.status({}, 1_000, false);
    bench.status({}, 900_000, true);
    expect(bench.shown("power-off")).toMatchObject({ state: "waiting", ignition: "off" });
    bench.status({}, 20_000, false);
    expect(bench.shown("power-off")).toEqual({ state: "pass", figures: { tookS: 920 } });
  });

  test("fails when it was never scheduled, or not cancelled", () => {
    for (const [scheduled, words] of [
      [false, /no power-off was scheduled/],
      [true, /the power-off was not cancelled/],
    ] as const) {
      const bench = new Bench({ power: POWER, buttons: "none" });
      bench.status({}, 1_000, scheduled);
      bench.timeUp();
      expect(bench.shown("power-off")).toMatchObject(failed(words));
    }
  });

  test("is not tried before the buttons: a drill keeps the computer on", () => {
    const bench = new Bench({ power: POWER });
    bench.status({}, 1_000, true);
    expect(bench.shown("power-off")).toMatchObject({ state: "waiting", ignition: "on" });
  });
});
