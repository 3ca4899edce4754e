import type { Episode, Pressed } from "../domain/episode.ts";
import type { Copy, CountedPresses } from "../domain/memory.ts";
import type { BoardPress, BoardRelease, BundleSign } from "../domain/panic.ts";
import type { LampWish } from "./lamp.ts";
import type { EpisodeEvent } from "./machine.ts";

/** The events and effects of the emergency ring. `mono` is in milliseconds on the clock that never jumps. */

/** A retained copy. `id`: of the episode; `prefix`: of its topic, if it is not the present one. */
type CopyOf = { readonly id: string; readonly broker: string; readonly prefix?: string | undefined };

/** A version of an episode that the ring may not have. */
type OtherVersion = {
  readonly episode: Episode;
  /** Its report has a higher number than the ring's report of the episode: the ring makes one with a higher number. */
  readonly outnumbers: boolean;
};

export type RingEvent =
  | {
      readonly kind: "press";
      readonly press: BoardPress;
      /** The id of the episode that this press may open: the same each time the board repeats the press. */
      readonly id: string;
      /** The id to use if an episode already has `id`. */
      readonly spareId: string;
      readonly button: string;
      readonly silent: boolean;
      readonly dark: boolean;
      readonly pressed?: Pressed | undefined;
      readonly mono: number;
      /** The broker that the link is connected to: it may get a retained copy. */
      readonly broker?: string | undefined;
    }
  /** The store has a report of this episode, and the memory may lack the episode, or a change of it. */
  | ({ readonly kind: "adopt"; readonly mono: number } & OtherVersion)
  /** The unit began with an old memory, and a newer one was found. `episodes`: all that the newer one has. */
  | {
      readonly kind: "recalled";
      readonly presses: readonly CountedPresses[];
      readonly copies: readonly Copy[];
      readonly airbags: readonly string[];
      readonly drillAskedAt?: number | undefined;
      readonly episodes: readonly OtherVersion[];
      readonly mono: number;
    }
  /** An airbag has fired. `path`: its VSS path. */
  | {
      readonly kind: "airbag";
      readonly path: string;
      readonly id: string;
      readonly pressed: Pressed;
      readonly mono: number;
      readonly broker?: string | undefined;
    }
  | { readonly kind: "airbag-rearmed"; readonly path: string }
  /** A board reports the number of its newest press. */
  | { readonly kind: "hello"; readonly board: string; readonly lastNumber: number }
  /**
   * Somebody asks for a drill: dispatch, at `askedAt` (UTC milliseconds), or without `askedAt` a
   * technician in the car.
   */
  | { readonly kind: "drill"; readonly mono: number; readonly askedAt?: number | undefined }
  /** The time of the press that opened an episode is known now. */
  | { readonly kind: "timed"; readonly id: string; readonly pressed: Pressed }
  /** The contact of a press has opened. */
  | { readonly kind: "released"; readonly release: BoardRelease; readonly mono: number }
  /** The memory is on disk up to this generation, or this generation cannot be stored now. */
  | { readonly kind: "stored"; readonly generation: number }
  | { readonly kind: "not-stored"; readonly generation: number }
  /** Passed on to the episodes unchanged: see machine.ts. */
  | Extract<EpisodeEvent, { kind: "no-drill" | "tick" }>
  /** The link has a new connection. */
  | { readonly kind: "connected"; readonly broker: string; readonly mono: number }
  /** As in machine.ts. */
  | Omit<Extract<EpisodeEvent, { kind: "sent" }>, "mono">
  | Omit<Extract<EpisodeEvent, { kind: "shown" }>, "mono">
  /** `broker`: the one that delivered it. `retained`: it keeps it, and sends it again at each connection. */
  | (Extract<EpisodeEvent, { kind: "ack" }> & {
      readonly broker?: string | undefined;
      readonly retained?: true | undefined;
    })
  /** A report that the broker will retain is about to be published to it. */
  | { readonly kind: "publishing"; readonly id: string; readonly presses: number; readonly broker: string }
  /** A broker has not accepted an emergency. */
  | { readonly kind: "refused"; readonly broker: string }
  /** A broker has no retained copy of the episode any more. `prefix`: see `Copy`. */
  | ({ readonly kind: "removed" } & CopyOf)
  /** A copy cannot be removed: its broker is not configured any more. */
  | ({ readonly kind: "left" } & CopyOf)
  /** Whether the broker has a subscriber for the unit's reports. */
  | { readonly kind: "listening"; readonly listening: boolean; readonly mono: number }
  | { readonly kind: "fault"; readonly part: string; readonly faulty: boolean }
  /** A bundle that a technician has brought has a result. `until`: how long the lamp shows it, on the clock of `mono`. */
  | { readonly kind: "bundle"; readonly sign: BundleSign; readonly until: number };

export type RingEffect =
  /** Make a new report of an episode; it is published once it is stored. */
  | { readonly kind: "report"; readonly episode: Episode }
  /** Write the memory to disk, then give the event `stored` or `not-stored` with this generation. */
  | { readonly kind: "store"; readonly generation: number }
  /** Publish the report of an episode as it stands. */
  | { readonly kind: "publish"; readonly id: string }
  /** Publish the report as it stands again, with this attempt. */
  | { readonly kind: "repeat"; readonly episode: Episode }
  /** The press is on disk: the board need not keep it. */
  | { readonly kind: "confirm"; readonly press: BoardPress }
  /** Keep the signals from before the press. The press opened this episode, or was counted in it. */
  | { readonly kind: "evidence"; readonly id: string; readonly test: boolean }
  | { readonly kind: "lamp"; readonly lamp: LampWish }
  /** Remove the retained copy of an episode from a broker. */
  | ({ readonly kind: "remove" } & CopyOf)
  /** Report that a copy is left on a broker that is not configured any more. Once for each copy. */
  | ({ readonly kind: "left" } & CopyOf)
  | { readonly kind: "forget"; readonly id: string }
  /** No drill is armed, and why. */
  | { readonly kind: "drill-refused"; readonly why: string }
  /** An acknowledgement that changes nothing, and why. */
  | { readonly kind: "refused"; readonly why: string };
