import type { JSX } from "preact";
import { useFormat } from "../viewer/number-format.ts";
import { runsOfFix, sharesOf } from "./fix-runs.ts";
import { useWords } from "./words.ts";

/** The kind of fix over time as a strip, oldest at the left, with the share of each kind. */
export const Fixes = ({ fix }: { readonly fix: readonly number[] }): JSX.Element => {
  const { position: words } = useWords();
  const { quantity } = useFormat();
  const names: Readonly<Record<number, string>> = {
    0: words.fix.none,
    2: words.fix["2d"],
    3: words.fix["3d"],
  };
  return (
    <figure class="fixes">
      <svg viewBox={`0 0 ${Math.max(1, fix.length)} 1`} preserveAspectRatio="none" aria-hidden="true">
        {runsOfFix(fix).map(({ from, length, kind }) => (
          <rect key={from} class={`f${kind}`} x={from} width={length} height="1" />
        ))}
      </svg>
      <figcaption class="note number">
        {words.fixes}:{" "}
        {sharesOf(fix)
          .map(([kind, share]) => `${names[kind] ?? kind} ${quantity(share * 100, "%")}`)
          .join(", ")}
      </figcaption>
    </figure>
  );
};
