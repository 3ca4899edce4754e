import type { CountedPresses } from "../../src/domain/memory.ts";

/**
 * What the world observed: the only thing that invariants see. A fact is plain data, so that a history
 * can be written down in a test, and two runs of one seed can be compared letter by letter.
 */

export type EpisodeOnDisk = {
  readonly id: string;
  readonly test: boolean;
  readonly state: "active" | "received" | "accepted" | "cleared";
  /** The lamp stays idle for this one: a silent button. */
  readonly dark: boolean;
  /** The press that opened it, `BOARD#NUMBER`; absent: not known. */
  readonly first?: string;
};

export type What =
  /** The unit's process runs, or does not (stopped, killed, without power). */
  | { readonly what: "unit"; readonly running: boolean }
  /** A contact closed on a board with power. `press`: `BOARD#NUMBER`. `kept`: for 50 ms or more, with power all the time. */
  | { readonly what: "press"; readonly press: string; readonly kept: boolean }
  /** The board lost its power, or was reset, before it could keep that press: it may arrive and need not. */
  | { readonly what: "unkept"; readonly press: string }
  /** The contact of a press opened again, `heldMs` after it closed, or after the board began to look. */
  | { readonly what: "released"; readonly press: string; readonly heldMs: number }
  /** The board put a press on the line for the first time. */
  | { readonly what: "handed"; readonly press: string; readonly ageKnown: boolean }
  /** The board was told that a press is on disk. */
  | { readonly what: "confirmed"; readonly press: string }
  /** Something else than a button opened an episode, for example an airbag. */
  | { readonly what: "alarm"; readonly by: string }
  /** Somebody asked for a drill: a press within `validMs` may be one. */
  | { readonly what: "drill"; readonly validMs: number }
  /** The lamp as the board shows it. `no-host` and `latched` are the board's own. */
  | { readonly what: "lamp"; readonly lamp: string }
  /** Whether the board has power and bytes pass between it and the unit unharmed. */
  | { readonly what: "line"; readonly sound: boolean }
  /** What a power cut would leave of the episodes, each time that it changes. `damaged`: the disk lied or tore. */
  | {
      readonly what: "durable";
      readonly episodes: readonly EpisodeOnDisk[];
      /** The presses that are counted. */
      readonly presses: readonly CountedPresses[];
      readonly damaged: boolean;
    }
  /** Whether the disk takes writes. While it does not, what counts is only in the unit's memory. */
  | { readonly what: "disk"; readonly writable: boolean }
  /** The unit opened or lost a connection. `by`: who ended it. */
  | {
      readonly what: "connected";
      readonly broker: string;
      readonly connection: number;
      readonly receiveMaximum: number;
      readonly maximumPacketSize: number;
    }
  | {
      readonly what: "disconnected";
      readonly broker: string;
      readonly connection: number;
      readonly by: "unit" | "broker" | "link";
    }
  /** `healthy`: up, reachable, honest, and dispatch listens there. `reachable`: up and reachable, and somebody listens there. */
  | {
      readonly what: "broker";
      readonly broker: string;
      readonly healthy: boolean;
      readonly reachable: boolean;
    }
  /** Since when a message of dispatch has waited in the session of the unit's link; absent: none does. */
  | { readonly what: "waiting"; readonly broker: string; readonly since?: number }
  /** The unit handed a message to a connection. `behind`: messages before it that had not left, emergencies not counted; `bytes`: theirs; `waitMs`: for how long. */
  | {
      readonly what: "published";
      readonly broker: string;
      readonly connection: number;
      readonly topic: string;
      readonly episode?: string;
      /** The report in it, if it is one. `presses`: of an emergency. */
      readonly report?: { readonly store: string; readonly seq: number; readonly presses?: number };
      /** What orders it among the births, if it is one. */
      readonly birth?: { readonly store: string; readonly boot: number; readonly connection: number };
      readonly behind: number;
      readonly bytes: number;
      readonly waitMs: number;
      /** The time that the largest message before it takes. */
      readonly largestMs: number;
    }
  /** The unit got a PUBACK. */
  | {
      readonly what: "puback";
      readonly broker: string;
      readonly connection: number;
      readonly topic: string;
      readonly episode?: string;
      readonly code: number;
      /** 0x10 that may count as success, because of a receipt. */
      readonly overridden?: true;
    }
  | { readonly what: "suback"; readonly broker: string; readonly connection: number; readonly code: number }
  | { readonly what: "pingresp"; readonly broker: string; readonly connection: number }
  /** The unit broke a rule that the broker had announced. */
  | { readonly what: "protocol"; readonly broker: string; readonly detail: string }
  | {
      readonly what: "retained";
      readonly broker: string;
      readonly episode: string;
      readonly present: boolean;
    }
  /** Dispatch got a report for the first time. */
  | { readonly what: "arrived"; readonly store: string; readonly seq: number; readonly kind: string }
  /** Dispatch got a gap: `from`..`to` except `kept`. */
  | {
      readonly what: "declared";
      readonly store: string;
      readonly from: number;
      readonly to: number;
      readonly kept: readonly number[];
    }
  /** A broker that lies acknowledged an emergency and gave it to nobody. The recorder misses it: it comes again. */
  | { readonly what: "dropped"; readonly episode: string; readonly presses: number }
  /** Dispatch published a receipt at a broker. */
  | { readonly what: "receipt"; readonly broker: string }
  /** The plan has begun a fault. */
  | { readonly what: "injected"; readonly kind: string }
  /** A receipt shows that a new store must begin, and the unit has begun one within a day. */
  | { readonly what: "renewed-today" }
  /** The unit says that a new store takes over what is pending. The report of that may be lost with the store. */
  | { readonly what: "renewed" }
  /** The unit says that an episode of which only the store knew goes on. */
  | { readonly what: "adopted"; readonly episode: string }
  /** Dispatch's recorder has lost data: these numbers of a store are all that it has, or that is declared. */
  | {
      readonly what: "restored";
      readonly store: string;
      readonly have: readonly (readonly [from: number, to: number])[];
    }
  /** One number came with two contents. */
  | { readonly what: "reused"; readonly store: string; readonly seq: number; readonly detail: string }
  /** Dispatch got something that the contract does not know. */
  | { readonly what: "unreadable"; readonly topic: string; readonly detail: string }
  /** Dispatch got an episode as it stood. */
  | {
      readonly what: "episode";
      readonly episode: string;
      readonly test: boolean;
      readonly presses: number;
      readonly state: string;
      readonly heldMs?: number;
      /** When dispatch wrote the acknowledgement that brought it to this state, by its own clock. */
      readonly ackAt?: string;
    }
  /** Dispatch published an acknowledgement. `ackAt`: its time, by a clock that is ahead by `aheadMs`. */
  | {
      readonly what: "acked";
      readonly episode: string;
      readonly stage: string;
      readonly broker: string;
      readonly ackAt: string;
      readonly aheadMs: number;
    }
  /** The unit answered a command. */
  | { readonly what: "reply"; readonly id: string; readonly ok: boolean }
  /** The unit asked for its power to be cut, and what was true then. */
  | {
      readonly what: "power-off";
      readonly ignition: "on" | "off" | "unknown";
      /** Emergencies that were open on disk, or presses that wait on the board. */
      readonly emergencies: number;
    }
  /** A queue, map or buffer of the unit. */
  | { readonly what: "queue"; readonly name: string; readonly length: number; readonly limit: number }
  /** An exception that nobody caught. */
  | { readonly what: "exception"; readonly detail: string }
  | { readonly what: "second" }
  /** From here on nothing is broken any more. */
  | { readonly what: "healed" }
  /** The end: everything had its time to settle. */
  | { readonly what: "end"; readonly pending: number };

/** `at`: milliseconds of simulated time. */
export type Fact = What & { readonly at: number };

export type Observe = (what: What) => void;
