import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { flashesPerSecond, isLampName, isLit, STEP_MS } from "../status/lamp-phase.ts";
import { WORDS as STATUS_WORDS } from "../status/words.ts";
import { useViewer } from "../viewer/viewer.tsx";
import { useWords } from "./words.ts";

/** A page may not flash more often (WCAG 2.3.1). */
const MOST_FLASHES = 3;
/** The button stays down this long, as a finger would hold it, ms. */
const DOWN_MS = 200;

/** Whether the lamp is lit now. A pattern that may not be shown stays lit. */
const useLit = (lamp: string, since: number): boolean => {
  const [now, setNow] = useState(since);
  const name = isLampName(lamp) ? lamp : undefined;
  const isStill =
    name === undefined ||
    flashesPerSecond(name) > MOST_FLASHES ||
    matchMedia("(prefers-reduced-motion: reduce)").matches;
  useEffect(() => {
    if (isStill) return undefined;
    const timer = setInterval(() => setNow(performance.now()), STEP_MS / 2);
    return () => clearInterval(timer);
  }, [isStill, since]);
  if (name === undefined) return false;
  return isStill ? name !== "no-host" : isLit(name, now - since);
};

const Drawing = ({ isLit: lit, isDown }: { isLit: boolean; isDown: boolean }): JSX.Element => (
  <svg viewBox="0 0 120 132" aria-hidden="true" class={isDown ? "down" : ""}>
    <rect class="plate" x="2" y="2" width="116" height="128" rx="10" />
    <circle class="lens" cx="60" cy="18" r="10.5" />
    <circle class={lit ? "glow lit" : "glow"} cx="60" cy="18" r="10.5" />
    <circle class="well" cx="60" cy="78" r="46" />
    <g class="cap">
      <circle class="rim" cx="60" cy="78" r="38" />
      <circle class="dome" cx="60" cy="75" r="33" />
      <path class="shine" d="M38 66 a26 26 0 0 1 34 -15" />
    </g>
  </svg>
);

/** What the lamp shows, in words. */
const LampWords = ({ lamp, drill }: { lamp: string; drill: boolean }): JSX.Element => {
  const words = useWords();
  const { meaning, drill: drillWord } = STATUS_WORDS[useViewer().language].lamp;
  return (
    <p class="lamp-words" role="status">
      <span>
        {words.lamp} <code>{lamp}</code> {drill && <span class="tag">{drillWord}</span>}
      </span>
      <span>{isLampName(lamp) ? meaning[lamp] : words.dark}</span>
    </p>
  );
};

type Props = {
  readonly lamp: string;
  readonly drill: boolean;
  readonly since: number;
  readonly press: () => void;
};

/** The panic button with its lamp. */
export const PanicButton = ({ lamp, drill, since, press }: Props): JSX.Element => {
  const words = useWords();
  const lit = useLit(lamp, since);
  const [isDown, setDown] = useState(false);
  useEffect(() => {
    if (!isDown) return undefined;
    const timer = setTimeout(() => setDown(false), DOWN_MS);
    return () => clearTimeout(timer);
  }, [isDown]);
  return (
    <div class="button">
      <button
        type="button"
        class="panic"
        onClick={() => {
          setDown(true);
          press();
        }}
      >
        <Drawing isLit={lit} isDown={isDown} />
        <span>{words.press}</span>
      </button>
      <LampWords lamp={lamp} drill={drill} />
    </div>
  );
};
