import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { TABS, type Tab } from "./views.ts";
import { useWords } from "./words.ts";

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1 };

const go = (tab: Tab): void => {
  history.replaceState(null, "", `#${tab}`);
  dispatchEvent(new Event("hashchange"));
};

/** The views, as tabs (WAI-ARIA: arrow keys move, one stop for the Tab key). */
export const Tabs = ({ open }: { readonly open: Tab }): JSX.Element => {
  const words = useWords();
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    const target =
      event.key === "Home"
        ? TABS[0]
        : event.key === "End"
          ? TABS.at(-1)
          : step !== undefined && TABS.at((TABS.indexOf(open) + step) % TABS.length);
    if (!target) return;
    event.preventDefault();
    go(target);
    list.current?.querySelector<HTMLElement>(`#tab-${target}`)?.focus();
  };
  return (
    <nav class="tabs" aria-label={words.views}>
      <div role="tablist" ref={list} onKeyDown={move}>
        {TABS.map((tab) => (
          <button
            key={tab}
            type="button"
            role="tab"
            id={`tab-${tab}`}
            aria-selected={tab === open}
            aria-controls="view"
            tabIndex={tab === open ? 0 : -1}
            onClick={() => go(tab)}
          >
            {words.tabs[tab]}
          </button>
        ))}
      </div>
    </nav>
  );
};
