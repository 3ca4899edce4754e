import type { Episode, Pressed, Stage } from "../domain/episode.ts";
import type { BoardPress } from "../domain/panic.ts";
import type { LampWish } from "./lamp.ts";

/** What can happen to the emergency ring, and what it asks for. All times of `mono`: milliseconds on the clock that never jumps. */

export type RingEvent =
  | {
      readonly kind: "press";
      readonly press: BoardPress;
      /** The id of the episode that this press may open: the same each time the board repeats the press. */
      readonly id: string;
      /** The id if an episode has the other one already. */
      readonly spareId: string;
      readonly button: string;
      readonly silent: boolean;
      readonly dark: boolean;
      readonly pressed?: Pressed | undefined;
      readonly mono: number;
      /** The broker that the link is connected to: a copy may stand there. */
      readonly broker?: string | undefined;
    }
  /** An airbag has fired: nobody pressed. `path`: its VSS path. */
  | {
      readonly kind: "airbag";
      readonly path: string;
      readonly id: string;
      readonly pressed: Pressed;
      readonly mono: number;
      readonly broker?: string | undefined;
    }
  | { readonly kind: "airbag-rearmed"; readonly path: string }
  /** A board says which number it gave last. */
  | { readonly kind: "hello"; readonly board: string; readonly lastNumber: number }
  /** `askedAt`: dispatch asks, at this time (UTC milliseconds); else somebody in the car does. */
  | { readonly kind: "drill"; readonly mono: number; readonly askedAt?: number | undefined }
  | { readonly kind: "no-drill" }
  /** What the ring must remember is on disk up to this generation; or cannot be stored now. */
  | { readonly kind: "stored"; readonly generation: number }
  | { readonly kind: "not-stored"; readonly generation: number }
  /** A broker with a subscriber has acknowledged the report of a revision. */
  | { readonly kind: "sent"; readonly id: string; readonly revision: number }
  | {
      readonly kind: "ack";
      readonly id: string;
      readonly stage: Exclude<Stage, "active">;
      readonly by?: string | undefined;
      readonly at?: string | undefined;
      readonly mono: number;
      /** The broker that the link is connected to. */
      readonly broker?: string | undefined;
    }
  /** A report that a broker retains is about to be published there. */
  | { readonly kind: "publishing"; readonly id: string; readonly broker: string }
  /** Nothing of an episode is left on a broker. */
  | { readonly kind: "removed"; readonly id: string; readonly broker: string }
  | { readonly kind: "connected"; readonly mono: number }
  /** Somebody listens, or nobody does. */
  | { readonly kind: "listening"; readonly listening: boolean; readonly mono: number }
  | { readonly kind: "fault"; readonly part: string; readonly faulty: boolean }
  /** `connected`: something can be published now. */
  | { readonly kind: "tick"; readonly mono: number; readonly connected: boolean };

export type RingEffect =
  /** Make a new report of an episode; it is published once it is stored. */
  | { readonly kind: "report"; readonly episode: Episode }
  /** Put what the ring must remember on disk, then say `stored` or `not-stored` with this generation. */
  | { readonly kind: "store"; readonly generation: number }
  /** Publish the report of an episode as it stands. */
  | { readonly kind: "publish"; readonly id: string }
  /** The report as it stands, with this attempt, is published again. */
  | { readonly kind: "repeat"; readonly episode: Episode }
  /** The press is on disk: the board need not keep it. */
  | { readonly kind: "confirm"; readonly press: BoardPress }
  /** What led up to a press is kept: it opened this episode or counts in it. */
  | { readonly kind: "evidence"; readonly id: string; readonly test: boolean }
  | { readonly kind: "lamp"; readonly lamp: LampWish }
  /** Remove what is left of an episode from a broker. */
  | { readonly kind: "remove"; readonly id: string; readonly broker: string }
  | { readonly kind: "forget"; readonly id: string }
  | { readonly kind: "refused"; readonly why: string };
