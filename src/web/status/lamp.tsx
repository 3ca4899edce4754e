import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { LAMP_LOOKS } from "../../domain/lamp-looks.ts";
import { flashesPerSecond, isLampName, isLit, STEP_MS, type LampName, type ShownLamp } from "./lamp-phase.ts";
import { useWords } from "./words.ts";

/** A page may not flash more often (WCAG 2.3.1). */
const MOST_FLASHES = 3;

const wantsStillness = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The step of the pattern that is shown now. Undefined: the lamp does not blink on this page. */
const useStep = (lamp: LampName, since: number): number | undefined => {
  const still = wantsStillness() || flashesPerSecond(lamp) > MOST_FLASHES;
  const [step, setStep] = useState(0);
  useEffect(() => {
    if (still) return;
    const timer = setInterval(() => setStep(Math.floor((performance.now() - since) / STEP_MS)), STEP_MS / 2);
    return () => clearInterval(timer);
  }, [still, since]);
  return still ? undefined : step;
};

/** The pattern as a strip of tenths of a second. */
const Strip = ({
  lamp,
  step,
}: {
  readonly lamp: LampName;
  readonly step: number | undefined;
}): JSX.Element => {
  const look = LAMP_LOOKS[lamp];
  const at = step === undefined ? undefined : step % look.length;
  return (
    <svg class="strip" viewBox={`0 0 ${look.length} 2`} preserveAspectRatio="none" aria-hidden="true">
      {Array.from(look, (cell, n) => (
        // oxlint-disable-next-line react/no-array-index-key -- the cells never move
        <rect key={n} class={cell === "#" ? "lit" : "dark"} x={n + 0.08} y="0.3" width="0.84" height="1.4" />
      ))}
      {at !== undefined && <rect class="cursor" x={at} y="0" width="1" height="2" />}
    </svg>
  );
};

const Known = ({ lamp, drill, since }: ShownLamp & { readonly lamp: LampName }): JSX.Element => {
  const words = useWords();
  const step = useStep(lamp, since);
  const lit = step === undefined ? lamp !== "no-host" : isLit(lamp, step * STEP_MS);
  return (
    <div class="lamp">
      <span class={`bulb ${lit ? "lit" : "dark"}`} aria-hidden="true" />
      <div>
        <p class="lamp-name">
          <code>{lamp}</code>
          {drill && <span class="tag">{words.lamp.drill}</span>}
        </p>
        <p>{words.lamp.meaning[lamp]}</p>
      </div>
      <Strip lamp={lamp} step={step} />
      {step === undefined && (
        <p class="note">{flashesPerSecond(lamp) > MOST_FLASHES ? words.lamp.fast : words.lamp.still}</p>
      )}
    </div>
  );
};

/** The lamp beside the button, as the unit wants it. `shown`: undefined if it is not known. */
export const Lamp = ({ shown }: { readonly shown: ShownLamp | undefined }): JSX.Element => {
  const words = useWords();
  if (!shown || !isLampName(shown.name)) return <p class="note">{words.lamp.none}</p>;
  return <Known {...shown} lamp={shown.name} key={`${shown.name} ${shown.since}`} />;
};
