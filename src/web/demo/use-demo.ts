import { useEffect, useState } from "preact/hooks";
import type { DemoState, LogLine } from "../../domain/demo.ts";
import { follow } from "./server.ts";

/** Lines that are shown. The oldest goes. */
const MOST_LINES = 200;

export type Demo = {
  /** Undefined: the demo has not answered yet. */
  readonly state: DemoState | undefined;
  /** Oldest first. */
  readonly lines: readonly LogLine[];
  /** The demo has ended: what is shown is old. */
  readonly isLost: boolean;
  /** When the lamp's pattern began, on the page's clock that never jumps. */
  readonly lampSince: number;
};

/** Follows the demo. */
export const useDemo = (): Demo => {
  const [state, setState] = useState<DemoState>();
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [isLost, setLost] = useState(false);
  const [lamp, setLamp] = useState({ name: "", since: 0 });
  useEffect(() => {
    const stream = follow({
      state(next) {
        setLost(false);
        setState(next);
        setLamp((before) =>
          before.name === next.lamp.lamp ? before : { name: next.lamp.lamp, since: performance.now() },
        );
      },
      lines: setLines,
      line: (line) =>
        setLines((before) =>
          before.some(({ n }) => n >= line.n) ? before : [...before, line].slice(-MOST_LINES),
        ),
      lost: () => setLost(true),
    });
    return () => stream.close();
  }, []);
  return { state, lines, isLost, lampSince: lamp.since };
};
