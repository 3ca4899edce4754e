/**
 * Makes the real clock, real timers and real chance throw while a simulation runs: whoever reads them
 * makes two runs of one seed differ. `setImmediate` stays; time itself needs it.
 */
const real = (name: string) => (): never => {
  throw new Error(`${name} in the simulation: use the port`);
};

/** Until disposed. */
export const forbidRealTime = (): Disposable => {
  const { setTimeout, setInterval } = globalThis;
  const { now } = Date;
  const { random } = Math;
  const performanceNow = performance.now.bind(performance);
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  Object.assign(globalThis, { setTimeout: real("setTimeout"), setInterval: real("setInterval") });
  Date.now = real("Date.now");
  Math.random = real("Math.random");
  performance.now = real("performance.now");
  AbortSignal.timeout = real("AbortSignal.timeout");
  return {
    [Symbol.dispose]() {
      Object.assign(globalThis, { setTimeout, setInterval });
      Date.now = now;
      Math.random = random;
      performance.now = performanceNow;
      AbortSignal.timeout = timeout;
    },
  };
};
