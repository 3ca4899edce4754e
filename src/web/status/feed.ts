/**
 * What the page knows of the unit. `S` is a snapshot. Instants are milliseconds on the page's clock that never
 * jumps (`performance.now()`).
 */
export type Feed<S> =
  | { readonly kind: "opening"; readonly since: number }
  | { readonly kind: "live"; readonly snapshot: S; readonly at: number }
  | { readonly kind: "lost"; readonly snapshot?: S; readonly at: number }
  /** The unit asks for its PIN. `wrong`: the last one was refused. `retryAt`: no try is answered before. */
  | { readonly kind: "locked"; readonly wrong: boolean; readonly retryAt?: number };

export type FeedEvent<S> =
  | { readonly kind: "snapshot"; readonly snapshot: S }
  /** The unit was asked at `askedAt` and has not answered. */
  | { readonly kind: "unanswered"; readonly askedAt: number }
  | { readonly kind: "tick" }
  | { readonly kind: "refused"; readonly wrong: boolean; readonly retryAfterS?: number }
  | { readonly kind: "admitted" };

/**
 * Snapshots come once a second. Without one for this long the page says that the connection is lost. That a stream
 * has ended does not count: the unit is asked for a snapshot then, and only if it does not answer it is lost at once.
 */
export const LOST_MS = 2_200;

export const advance = <S>(feed: Feed<S>, event: FeedEvent<S>, now: number): Feed<S> => {
  switch (event.kind) {
    case "snapshot":
      return { kind: "live", snapshot: event.snapshot, at: now };
    case "admitted":
      return { kind: "opening", since: now };
    case "refused":
      return {
        kind: "locked",
        wrong: event.wrong,
        ...(event.retryAfterS === undefined ? {} : { retryAt: now + event.retryAfterS * 1_000 }),
      };
    case "unanswered":
      // What came since counts more.
      if (feed.kind === "live" && feed.at <= event.askedAt)
        return { kind: "lost", snapshot: feed.snapshot, at: feed.at };
      return feed.kind === "opening" && feed.since <= event.askedAt ? { kind: "lost", at: feed.since } : feed;
    case "tick":
      if (feed.kind === "live" && now - feed.at > LOST_MS)
        return { kind: "lost", snapshot: feed.snapshot, at: feed.at };
      return feed.kind === "opening" && now - feed.since > LOST_MS ? { kind: "lost", at: feed.since } : feed;
  }
};
