/** The little of johnny-five and firmata-io that is used here; neither brings types. */
declare module "johnny-five" {
  import type { EventEmitter } from "node:events";
  export class Board extends EventEmitter {
    constructor(options: { io: EventEmitter; repl: false; debug: false; sigint: false });
  }
  export class Button extends EventEmitter {
    constructor(options: { board: Board; pin: number | string; isPullup: boolean });
  }
  export class Led {
    constructor(options: { board: Board; pin: number });
    on(): this;
    off(): this;
    stop(): this;
    blink(periodMs: number): this;
  }
  export class Sensor extends EventEmitter {
    constructor(options: { board: Board; pin: string; freq: number });
    readonly raw: number;
  }
}

declare module "firmata-io" {
  import type { EventEmitter } from "node:events";
  export class Firmata extends EventEmitter {
    constructor(transport: EventEmitter, options?: { reportVersionTimeout?: number });
    readonly firmware: { readonly name?: string; readonly version: { major: number; minor: number } };
    readonly pins: readonly { readonly supportedModes: readonly number[]; readonly analogChannel: number }[];
    queryPinState(pin: number, callback: () => void): void;
  }
}
