import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { shownSpan } from "../viewer/time.ts";
import { useViewer } from "../viewer/viewer.tsx";
import { WORDS } from "./words.ts";

/** Small parts that several of the console's panes use. */

export const useWords = () => WORDS[useViewer().language];

/** The time now, again each second: UTC milliseconds of the server's clock. */
export const useNow = (skewMs: number): number => {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now + skewMs;
};

/** How long ago, `2 min 3 s`. */
export const spanSince = (at: number, now: number): string => shownSpan(Math.max(0, now - at));

/** `45.38012, 20.39014`: five digits are a metre. */
export const coordinates = (lat: number, lon: number): string => `${lat.toFixed(5)}, ${lon.toFixed(5)}`;

/** A name and its value. */
export const Fact = ({
  name,
  children,
}: {
  readonly name: string;
  readonly children: ComponentChildren;
}): JSX.Element => (
  <div class="fact">
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

/** A value as a text: signals are numbers, words, or yes and no. */
export const valueText = (value: number | boolean | string): string =>
  typeof value === "number" ? String(Math.round(value * 1_000) / 1_000) : String(value);
