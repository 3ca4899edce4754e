import type { ComponentChildren, JSX } from "preact";
import type { Level } from "./judge.ts";

/** Small parts that several views use. */

/** Text of the catalogue: what stands between backticks is to be typed, or is a key. */
export const Marked = ({ text }: { readonly text: string }): JSX.Element => (
  <>{text.split("`").map((piece, n) => (n % 2 === 1 ? <code key={piece}>{piece}</code> : piece))}</>
);

/** `none`: there is nothing to judge. */
export type Shape = Level | "unknown" | "none";

/** A level as a shape, so that it can be told apart without colours. */
export const Glyph = ({ level }: { readonly level: Shape }): JSX.Element => (
  <svg class={`glyph ${level}`} viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
    {level === "good" && <circle cx="10" cy="10" r="7" />}
    {level === "watch" && <path d="M10 2.5 18.5 17.5h-17z" />}
    {level === "bad" && <path d="M3 3h14v14H3z" />}
    {level === "none" && <path d="M4 9h12v2H4z" />}
    {level === "unknown" && <circle cx="10" cy="10" r="6" class="hollow" />}
  </svg>
);

type PanelProps = {
  readonly title: string;
  readonly class?: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
};

/** A titled part of a view. */
export const Panel = ({ title, aside, children, ...more }: PanelProps): JSX.Element => (
  <section class={`panel ${more.class ?? ""}`}>
    <header>
      <h2>{title}</h2>
      {aside}
    </header>
    {children}
  </section>
);

/** Names and values. A value that is not known is left out. */
export const Facts = ({
  of,
}: {
  readonly of: readonly (readonly [name: string, value: ComponentChildren])[];
}): JSX.Element => (
  <dl class="facts">
    {of
      .filter(([, value]) => value !== undefined && value !== "")
      .map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="number">{value}</dd>
        </div>
      ))}
  </dl>
);

type SearchProps = {
  readonly label: string;
  readonly value: string;
  readonly search: (text: string) => void;
};

export const Search = ({ label, value, search }: SearchProps): JSX.Element => (
  <label class="search">
    <span>{label}</span>
    <input
      type="search"
      value={value}
      autocomplete="off"
      spellcheck={false}
      onInput={({ currentTarget }) => search(currentTarget.value)}
    />
  </label>
);
