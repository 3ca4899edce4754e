/**
 * Makes the real clock, real timers and real chance throw while a simulation runs: whoever reads them
 * makes two runs of one seed differ. `setImmediate` stays, simulated time needs it. Not caught are the
 * asynchronous calls of `node:fs`, `node:zlib` and `node:crypto`, and what `node:crypto` draws.
 */
const real = (name: string) => (): never => {
  throw new Error(`${name} in the simulation: use the port`);
};

/** `new Date(x)` is arithmetic, `new Date()` is a clock. */
const guardedDate = (date: DateConstructor): DateConstructor =>
  new Proxy(date, {
    construct(target, args: unknown[], newTarget: NewableFunction) {
      if (args.length === 0) throw new Error("new Date() in the simulation: use the port");
      return Reflect.construct(target, args, newTarget) as Date;
    },
  });

/** Until disposed. */
export const forbidRealTime = (): Disposable => {
  const { setTimeout, setInterval, Date: RealDate } = globalThis;
  const { now } = RealDate;
  const { random } = Math;
  const performanceNow = performance.now.bind(performance);
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const getRandomValues = crypto.getRandomValues.bind(crypto);
  RealDate.now = real("Date.now");
  Object.assign(globalThis, {
    setTimeout: real("setTimeout"),
    setInterval: real("setInterval"),
    Date: guardedDate(RealDate),
  });
  Math.random = real("Math.random");
  performance.now = real("performance.now");
  AbortSignal.timeout = real("AbortSignal.timeout");
  crypto.getRandomValues = real("crypto.getRandomValues");
  return {
    [Symbol.dispose]() {
      RealDate.now = now;
      Object.assign(globalThis, { setTimeout, setInterval, Date: RealDate });
      Math.random = random;
      performance.now = performanceNow;
      AbortSignal.timeout = timeout;
      crypto.getRandomValues = getRandomValues;
    },
  };
};
