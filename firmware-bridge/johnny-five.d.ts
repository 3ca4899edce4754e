/** The part of johnny-five and firmata-io that is used here; neither brings types. */
declare module "johnny-five" {
  import type { EventEmitter } from "node:events";
  class Board extends EventEmitter {
    constructor(options: { io: EventEmitter; repl: false; debug: false; sigint: false });
  }
  class Button extends EventEmitter {
    constructor(options: { board: Board; pin: number | string; isPullup: boolean });
  }
  class Led {
    constructor(options: { board: Board; pin: number });
    on(): this;
    off(): this;
    stop(): this;
    blink(periodMs: number): this;
  }
  class Sensor extends EventEmitter {
    constructor(options: { board: Board; pin: string; freq: number });
    readonly raw: number;
  }
  const five: {
    readonly Board: typeof Board;
    readonly Button: typeof Button;
    readonly Led: typeof Led;
    readonly Sensor: typeof Sensor;
  };
  export default five;
}

declare module "firmata-io" {
  import type { EventEmitter } from "node:events";
  class Firmata extends EventEmitter {
    constructor(transport: EventEmitter, options?: { reportVersionTimeout?: number });
    readonly firmware: { readonly name?: string; readonly version: { major: number; minor: number } };
    readonly pins: readonly { readonly supportedModes: readonly number[]; readonly analogChannel: number }[];
    queryPinState(pin: number, callback: () => void): void;
  }
  const firmata: { readonly Firmata: typeof Firmata };
  export default firmata;
}
