import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Snapshot } from "../../domain/snapshot.ts";
import { advance, type Feed, type FeedEvent } from "./feed.ts";
import type { ShownLamp } from "./lamp-phase.ts";
import { Source } from "./source.ts";

export type UnitView = {
  readonly feed: Feed<Snapshot>;
  /** The page's clock that never jumps, milliseconds. It moves on only while something waits: lost or locked. */
  readonly mono: number;
  readonly lamp: ShownLamp | undefined;
  /** The unit answers in another form than this page knows. */
  readonly odd: boolean;
  readonly enter: (pin: string) => void;
};

const TICK_MS = 250;
/** A stream that has been silent for this long is opened again. */
const AGAIN_MS = 6_000;
/** For this long after an event of the lamp a snapshot says nothing of it: it may have been made before. */
const LAMP_RULES_MS = 1_500;

type Timed = { readonly event: FeedEvent<Snapshot>; readonly now: number };

/** Follows the unit. */
export const useUnit = (): UnitView => {
  const [feed, dispatch] = useReducer<Feed<Snapshot>, Timed>(
    (before, { event, now }) => advance(before, event, now),
    { kind: "opening", since: performance.now() },
  );
  const [mono, setMono] = useState(() => performance.now());
  const [lamp, setLamp] = useState<ShownLamp>();
  const [odd, setOdd] = useState(false);
  const source = useRef<Source | undefined>(undefined);
  const heardAt = useRef(performance.now());
  const kind = useRef(feed.kind);
  kind.current = feed.kind;

  useEffect(() => {
    const show = (name: string, drill: boolean): void =>
      setLamp((before) =>
        before?.name === name && before.drill === drill ? before : { name, drill, since: performance.now() },
      );
    let lampAt = -Infinity;
    const opened = new Source({
      feed(event) {
        const now = performance.now();
        if (event.kind === "snapshot") {
          heardAt.current = now;
          setOdd(false);
          const { lamp: name, lampDrill = false } = event.snapshot.emergency;
          if (now - lampAt > LAMP_RULES_MS) show(name, lampDrill);
        }
        dispatch({ event, now });
      },
      lamp(event) {
        lampAt = performance.now();
        show(event.lamp, event.drill);
      },
      odd: () => setOdd(true),
    });
    source.current = opened;
    const timer = setInterval(() => {
      const now = performance.now();
      // While all is well the page is drawn only when there is something new.
      if (kind.current === "lost" || kind.current === "locked") setMono(now);
      dispatch({ event: { kind: "tick" }, now });
      if (now - heardAt.current > AGAIN_MS) {
        heardAt.current = now;
        opened.again();
      }
    }, TICK_MS);
    return () => {
      clearInterval(timer);
      opened.stop();
    };
  }, []);

  return { feed, mono, lamp, odd, enter: (pin) => void source.current?.enter(pin) };
};
