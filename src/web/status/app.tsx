import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Snapshot } from "../../domain/snapshot.ts";
import { shownSpan } from "../viewer/time.ts";
import { ViewerSwitches } from "../viewer/viewer.tsx";
import { CommissionView } from "./commission.tsx";
import { judge, verdict, type Judged } from "./judge.ts";
import type { ShownLamp } from "./lamp-phase.ts";
import { LinkView } from "./link.tsx";
import { Lock } from "./lock.tsx";
import { NowView } from "./now.tsx";
import { PanicView } from "./panic.tsx";
import { Glyph } from "./parts.tsx";
import { PositionView } from "./position.tsx";
import { Tabs } from "./tabs.tsx";
import { useUnit } from "./use-unit.ts";
import { TABS, type Tab } from "./views.ts";
import { VehicleView } from "./vehicle.tsx";
import { useWords } from "./words.ts";

const tabOfAddress = (): Tab => TABS.find((tab) => `#${tab}` === location.hash) ?? "now";

/** The view that is open. Its name is in the address, so that it can be linked to. */
const useTab = (): Tab => {
  const [tab, setTab] = useState(tabOfAddress);
  useEffect(() => {
    const look = (): void => setTab(tabOfAddress());
    addEventListener("hashchange", look);
    return () => removeEventListener("hashchange", look);
  }, []);
  return tab;
};

type ViewProps = {
  readonly tab: Tab;
  readonly snapshot: Snapshot;
  readonly list: readonly Judged[];
  readonly lamp: ShownLamp | undefined;
  readonly now: number;
};

const View = ({ tab, snapshot, list, lamp, now }: ViewProps): JSX.Element => {
  switch (tab) {
    case "now":
      return <NowView snapshot={snapshot} list={list} lamp={lamp} now={now} />;
    case "position":
      return <PositionView snapshot={snapshot} now={now} />;
    case "vehicle":
      return <VehicleView snapshot={snapshot} />;
    case "panic":
      return <PanicView snapshot={snapshot} lamp={lamp} now={now} />;
    case "link":
      return <LinkView snapshot={snapshot} now={now} />;
    case "commission":
      return <CommissionView snapshot={snapshot} />;
  }
};

const Header = ({ unit }: { readonly unit: string | undefined }): JSX.Element => {
  const words = useWords();
  const [directorate = "", name = ""] = (unit ?? "").split("/");
  useEffect(() => {
    document.title = name === "" ? words.title : `${name} · ${words.title}`;
  }, [name, words]);
  return (
    <header class="top">
      <div>
        <h1>{name === "" ? words.title : name}</h1>
        <p>{directorate}</p>
      </div>
      <ViewerSwitches />
    </header>
  );
};

/** The verdict on the car. It is announced when it changes. */
const Verdict = ({
  level,
  large,
}: {
  readonly level: Judged["level"] | "unknown";
  readonly large: boolean;
}): JSX.Element => {
  const words = useWords();
  return (
    <p class={`verdict ${level} ${large ? "large" : ""}`} role="status">
      <Glyph level={level} />
      <span>{words.verdict[level]}</span>
    </p>
  );
};

/** What the page says about its own connection. `ageMs`: of what it shows; undefined: it shows nothing. */
const Lost = ({ ageMs }: { readonly ageMs: number | undefined }): JSX.Element => {
  const { feed } = useWords();
  return <p class="lost">{ageMs === undefined ? feed.lostEmpty : feed.lost(shownSpan(ageMs))}</p>;
};

/** The unit's page. */
export const App = (): JSX.Element => {
  const { feed, mono, lamp, odd, enter } = useUnit();
  const words = useWords();
  const tab = useTab();
  const now = Date.now();
  const snapshot = feed.kind === "live" || feed.kind === "lost" ? feed.snapshot : undefined;
  const list = snapshot ? judge(snapshot, now) : [];
  const fresh = feed.kind === "live";
  const shown = fresh && snapshot?.panicBoard?.connected ? lamp : undefined;
  return (
    <>
      <a
        class="skip"
        href="#content"
        onClick={(event) => (event.preventDefault(), document.getElementById("content")?.focus())}
      >
        {words.skip}
      </a>
      <Header unit={snapshot?.unit} />
      {feed.kind === "locked" ? (
        <Lock wrong={feed.wrong} retryAt={feed.retryAt} mono={mono} enter={enter} />
      ) : (
        <>
          <Verdict level={fresh ? verdict(list) : "unknown"} large={tab === "now"} />
          <Tabs open={tab} />
          <main id="content" class={fresh ? "" : "aged"} tabIndex={-1}>
            {feed.kind === "lost" && <Lost ageMs={snapshot && Math.max(0, mono - feed.at)} />}
            {odd && <p class="lost">{words.feed.odd}</p>}
            {feed.kind === "opening" && <p class="note">{words.feed.opening}</p>}
            {snapshot && (
              <div id="view" role="tabpanel" aria-labelledby={`tab-${tab}`} class="view">
                <h2 class="unseen">{words.titles[tab]}</h2>
                <View tab={tab} snapshot={snapshot} list={list} lamp={shown} now={now} />
              </div>
            )}
          </main>
        </>
      )}
    </>
  );
};
