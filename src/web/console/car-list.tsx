import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { CarSummary } from "../../domain/fleet.ts";
import { lookOf } from "./draw-cars.ts";
import { spanSince, useWords } from "./parts.tsx";

/** The list of cars. Only the rows in view are in the page, so that thousands of cars cost no more than thirty. */

/** As in the style sheet. */
const ROW_PX = 56;
/** Rows above and below the view. */
const SPARE = 4;

type Props = {
  readonly cars: readonly CarSummary[];
  readonly total: number;
  readonly selected: string | undefined;
  readonly now: number;
  readonly search: string;
  readonly onSearch: (text: string) => void;
  readonly onSelect: (unit: string) => void;
};

const Row = ({ car, now }: { readonly car: CarSummary; readonly now: number }): JSX.Element => {
  const words = useWords();
  const { unit, heardAt, link, board, position, missing, emergency, unshown = 0 } = car;
  const [directorate = "", id = ""] = unit.split("/");
  return (
    <>
      <span class={`dot ${lookOf(car)} ${emergency ?? ""}`} aria-hidden="true" />
      <span class="name">
        <strong>{id}</strong> <small>{directorate}</small>
      </span>
      <span class="heard number">
        {heardAt === undefined ? words.notHeard : words.ago(spanSince(heardAt, now))}
      </span>
      <span class="speed number">
        {position?.speedKmh === undefined ? "" : `${Math.round(position.speedKmh)} km/h`}
      </span>
      <span class="duties">
        {emergency !== undefined && (
          <span class={`tag ${emergency}`}>{emergency === "real" ? words.emergency : words.drill}</span>
        )}
        {unshown > 0 && <span class="duty unshown">{words.unshownHere(unshown)}</span>}
        <span class={`duty link-${link}`}>{words.links[link]}</span>
        {board !== "ok" && (
          <span class={`duty board-${board}`}>
            {words.board}: {words.boards[board]}
          </span>
        )}
        {missing > 0 && (
          <span class="duty missing">
            {words.missing}: {missing}
          </span>
        )}
      </span>
    </>
  );
};

/** What of the list is in view, pixels. */
const useView = () => {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const measure = (): void => setView({ top: element.scrollTop, height: element.clientHeight });
    const watch = new ResizeObserver(measure);
    watch.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      watch.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, []);
  return { box, view };
};

const KEYS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };

/** The row that a key goes to; undefined: the key is none of the list's. */
const rowFor = (key: string, at: number, count: number): number | undefined => {
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const step = KEYS[key];
  return step === undefined ? undefined : Math.max(0, Math.min(count - 1, at + step));
};

/** Stands for rows out of view. Its height is set by script: the policy allows no style in the page's text. */
const Spacer = ({ rows }: { readonly rows: number }): JSX.Element => (
  <div role="presentation" style={{ height: `${Math.max(0, rows) * ROW_PX}px` }} />
);

const Rows = ({ cars, selected, now, onSelect }: Pick<Props, "cars" | "selected" | "now" | "onSelect">) => {
  const words = useWords();
  const { box, view } = useView();
  const first = Math.max(0, Math.floor(view.top / ROW_PX) - SPARE);
  const last = Math.min(cars.length, Math.ceil((view.top + view.height) / ROW_PX) + SPARE);
  const at = cars.findIndex(({ unit }) => unit === selected);
  const move = (event: KeyboardEvent): void => {
    const to = rowFor(event.key, at, cars.length);
    const next = to === undefined ? undefined : cars[to];
    const element = box.current;
    if (to === undefined || !next || !element) return;
    event.preventDefault();
    onSelect(next.unit);
    element.scrollTop = Math.min(Math.max(element.scrollTop, (to + 1) * ROW_PX - view.height), to * ROW_PX);
  };
  return (
    <div
      class="rows"
      ref={box}
      role="listbox"
      tabIndex={0}
      aria-label={words.cars}
      aria-activedescendant={at >= first && at < last ? `car-${at}` : undefined}
      onKeyDown={move}
    >
      <Spacer rows={first} />
      {cars.slice(first, last).map((car, i) => (
        <div
          key={car.unit}
          id={`car-${first + i}`}
          class={`row ${car.emergency ?? ""}`}
          role="option"
          aria-selected={car.unit === selected}
          aria-setsize={cars.length}
          aria-posinset={first + i + 1}
          onClick={() => onSelect(car.unit)}
        >
          <Row car={car} now={now} />
        </div>
      ))}
      <Spacer rows={cars.length - last} />
    </div>
  );
};

export const CarList = ({ cars, total, selected, now, search, onSearch, onSelect }: Props): JSX.Element => {
  const words = useWords();
  return (
    <section class="cars-pane" aria-labelledby="cars-title">
      <header>
        <h2 id="cars-title">
          {words.cars}:{" "}
          <span class="number">{cars.length === total ? total : `${cars.length} / ${total}`}</span>
        </h2>
        <input
          type="search"
          value={search}
          placeholder={words.search}
          aria-label={words.search}
          onInput={({ currentTarget }) => onSearch(currentTarget.value)}
        />
      </header>
      <Rows cars={cars} selected={selected} now={now} onSelect={onSelect} />
      {cars.length === 0 && <p class="empty">{total === 0 ? words.noCars : words.noMatch}</p>}
    </section>
  );
};
