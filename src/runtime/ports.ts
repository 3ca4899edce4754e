/**
 * Time, timers and random numbers as ports: the service passes the system's, the simulation its own. Only
 * `runtime/` and the edges (`main`, `cli`, `unit/start`) make the real ones.
 */

/** Cancels what was scheduled. Disposing it twice, or after it fired, does nothing. */
export type Timer = Disposable;

export type Time = {
  /** Milliseconds, fractional, since the process (or the simulated world) began. Never jumps, never goes back. */
  mono(): number;
  /** The host's wall clock: UTC milliseconds. It may be wrong and may jump. */
  host(): number;
  /** Calls `f` once, `ms` from now at the earliest. */
  after(ms: number, f: () => void): Timer;
  /** Calls `f` each `ms`, until disposed. */
  every(ms: number, f: () => void): Timer;
  /** Calls `f` at the end of this turn of the event loop. */
  soon(f: () => void): Timer;
};

/** A number from 0 (inclusive) to 1 (exclusive), as `Math.random`. */
export type Random = () => number;
