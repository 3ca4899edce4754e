import type { JSX } from "preact";
import type { Snapshot } from "../../domain/snapshot.ts";
import { useFormat } from "../viewer/number-format.ts";
import { Drill, Episodes } from "./drill.tsx";
import type { Level } from "./judge.ts";
import { Lamp } from "./lamp.tsx";
import type { ShownLamp } from "./lamp-phase.ts";
import { Facts, Glyph, Panel } from "./parts.tsx";
import { useWords } from "./words.ts";

type Board = NonNullable<Snapshot["panicBoard"]>;

const LOOP_LEVELS = {
  normal: "good",
  pressed: "watch",
  degraded: "watch",
  open: "bad",
  short: "bad",
  stuck: "bad",
} as const satisfies Record<string, Level>;
type LoopName = keyof typeof LOOP_LEVELS;

const isLoopName = (state: string): state is LoopName => Object.hasOwn(LOOP_LEVELS, state);

/** A loop's voltage on a scale from 0 to 5 V: shorted at the left, cut at the right. */
const Scale = ({ volts }: { readonly volts: number }): JSX.Element => (
  <svg class="volts" viewBox="0 0 500 30" aria-hidden="true">
    <rect class="ground" y="11" width="500" height="8" />
    <rect class="normal" x="210" y="11" width="60" height="8" />
    <path class="needle" d={`M${Math.max(0, Math.min(5, volts)) * 100} 3v24`} />
  </svg>
);

const LoopCard = ({ name, board }: { readonly name: string; readonly board: Board }): JSX.Element => {
  const { panic: words, loop } = useWords();
  const { quantity, daysAgo } = useFormat();
  const state = board.loops?.[name] ?? "unknown";
  const volts = board.levelsV?.[name];
  const test = board.buttons?.[name];
  const pressed = test?.lastPressDays;
  return (
    <li class="loop">
      <h3>
        <Glyph level={isLoopName(state) ? LOOP_LEVELS[state] : "unknown"} />
        {name}
        <span class="level">{isLoopName(state) ? loop[state] : loop.unknown}</span>
      </h3>
      {volts !== undefined && <Scale volts={volts} />}
      <Facts
        of={[
          [words.measured, volts === undefined ? undefined : quantity(volts, "V", 2)],
          [words.lastPress, test && (pressed === undefined ? words.never : daysAgo(pressed))],
        ]}
      />
    </li>
  );
};

const BoardPanel = ({ board }: { readonly board: Board }): JSX.Element => {
  const { panic: words, loop, link } = useWords();
  const { quantity } = useFormat();
  const names = new Set([...Object.keys(board.loops ?? {}), ...Object.keys(board.buttons ?? {})]);
  return (
    <Panel title={words.loops}>
      <Facts
        of={[
          [words.board, board.connected ? link.connected : link.notConnected],
          [words.firmware, board.firmware ?? loop.unknown],
          [words.supply, board.supplyMv === undefined ? undefined : quantity(board.supplyMv / 1_000, "V", 2)],
        ]}
      />
      <ul class="loops">
        {Array.from(names, (name) => (
          <LoopCard key={name} name={name} board={board} />
        ))}
      </ul>
      <p class="note">{words.loopHelp}</p>
    </Panel>
  );
};

type PanicProps = { readonly snapshot: Snapshot; readonly lamp: ShownLamp | undefined; readonly now: number };

/** The panic board: its loops, its lamp, and drills. */
export const PanicView = ({ snapshot, lamp, now }: PanicProps): JSX.Element => {
  const words = useWords();
  const { panicBoard: board } = snapshot;
  return (
    <div class="columns">
      <div class="stack">
        {board ? (
          <BoardPanel board={board} />
        ) : (
          <Panel title={words.panic.loops}>
            <p class="note">{words.panic.noBoard}</p>
          </Panel>
        )}
        <Panel title={words.lamp.now}>
          <Lamp shown={lamp} />
        </Panel>
      </div>
      <div class="stack">
        <Drill snapshot={snapshot} />
        <Episodes snapshot={snapshot} now={now} />
      </div>
    </div>
  );
};
