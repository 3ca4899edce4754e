import type { Car, Pick } from "./car.ts";

/** What somebody types by mistake, and what must come of it. */
export type Typed = {
  /** The command and its arguments. */
  readonly line: readonly [command: string, ...args: string[]];
  /** The exit code (contract §7). */
  readonly exit: 1 | 64 | 69 | 74 | 78;
  /** What the line says. */
  readonly says: RegExp;
  /** Each fault of a configuration has a line; `says` is of the first one. */
  readonly isList?: boolean;
  /** The search for the board is shown on stdout. */
  readonly showsProgress?: boolean;
  /** By somebody without rights on the car. */
  readonly asNobody?: boolean;
  /** `known`: from the service. Left out: the machine's clock was never set. */
  readonly time?: "known";
};

/** A kind of mistake. `make`: prepares the car for one of them; the choices are those of `pick`. */
export type Mistake = {
  readonly kind: string;
  readonly times: number;
  readonly make: (car: Car, pick: Pick) => Typed | Promise<Typed>;
};
