import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import {
  CarDetails,
  type CarSummary,
  type ConsoleSettings,
  type EpisodeView,
  type TrackPoint,
} from "../../domain/fleet.ts";
import { useViewer, ViewerSwitches } from "../shared/viewer.tsx";
import { Alarm, type Hearing, type Tune } from "./alarm.ts";
import { CarList } from "./car-list.tsx";
import { CarPane } from "./car-pane.tsx";
import { Emergencies } from "./emergencies.tsx";
import { FleetMap } from "./fleet-map.ts";
import { FleetState, isAccepted, matching } from "./fleet-state.ts";
import { useNow, useWords } from "./parts.tsx";
import { Records } from "./records.tsx";
import { AnswerError, followFleet, get } from "./server.ts";

/** The fleet, and a number that rises with each batch. `onRefused`: the session has ended. */
const useFleet = (onRefused: () => void) => {
  const [state] = useState(() => new FleetState());
  const [version, setVersion] = useState(0);
  const [isLost, setIsLost] = useState(false);
  useEffect(() => {
    const feed = followFleet({
      begun: () => state.begin(),
      changed(changes) {
        state.apply(changes, Date.now());
        setIsLost(false);
        setVersion((before) => before + 1);
      },
      lost: () => setIsLost(true),
      refused: onRefused,
    });
    return () => feed.close();
  }, [state, onRefused]);
  return { state, version, isLost };
};

/** How often a selected car is asked for, ms, if it has changed. */
const DETAILS_MS = 1_000;

const useDetails = (selected: string | undefined, car: CarSummary | undefined): CarDetails | undefined => {
  const [details, setDetails] = useState<CarDetails | undefined>(undefined);
  const changed = useRef(false);
  changed.current ||= car !== details?.car;
  useEffect(() => {
    setDetails(undefined);
    if (selected === undefined) return undefined;
    const stop = new AbortController();
    const ask = (): void => {
      changed.current = false;
      get(`car.json?unit=${encodeURIComponent(selected)}`, CarDetails, stop.signal).then(setDetails, () => {
        changed.current = true;
      });
    };
    ask();
    const timer = setInterval(() => {
      if (changed.current) ask();
    }, DETAILS_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [selected]);
  return details?.car.unit === selected ? details : undefined;
};

const tuneOf = (real: readonly EpisodeView[], drills: readonly EpisodeView[]): Tune => {
  if (real.some((episode) => !isAccepted(episode))) return "urgent";
  return drills.some((episode) => !isAccepted(episode)) ? "drill" : "none";
};

const useAlarm = (tune: Tune) => {
  const [hearing, setHearing] = useState<Hearing>("locked");
  const alarm = useRef<Alarm>(undefined);
  alarm.current ??= new Alarm(() => setHearing(alarm.current?.hearing ?? "locked"));
  const toggle = useCallback(() => {
    if (alarm.current) alarm.current.isMuted = alarm.current.hearing === "on";
  }, []);
  useEffect(() => {
    const unlock = (): void => alarm.current?.unlock();
    const key = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLInputElement && event.target.type === "search";
      if (
        event.key.toLowerCase() === "m" &&
        !isTyping &&
        !event.ctrlKey &&
        !event.metaKey &&
        alarm.current?.hearing !== "locked"
      )
        toggle();
      unlock();
    };
    document.addEventListener("pointerdown", unlock);
    document.addEventListener("keydown", key);
    return () => {
      document.removeEventListener("pointerdown", unlock);
      document.removeEventListener("keydown", key);
    };
  }, [toggle]);
  useEffect(() => alarm.current?.play(tune), [tune]);
  return { hearing, toggle };
};

const Sound = ({ hearing, toggle }: { hearing: Hearing; toggle: () => void }): JSX.Element => {
  const words = useWords();
  if (hearing === "locked")
    return (
      <button type="button" class="sound locked">
        {words.sound.locked}
      </button>
    );
  return (
    <button
      type="button"
      class={`sound ${hearing}`}
      aria-pressed={hearing === "muted"}
      title={words.sound.toggle}
      onClick={toggle}
    >
      {hearing === "on" ? words.sound.on : words.sound.off}
    </button>
  );
};

type View = {
  readonly cars: readonly CarSummary[];
  readonly selected: string | undefined;
  readonly track: readonly TrackPoint[];
  readonly cursor: TrackPoint | undefined;
};

/** The map's element, and the map once it is there. */
const useMap = (settings: ConsoleSettings, view: View, onPick: (unit: string) => void) => {
  const words = useWords();
  const { theme } = useViewer();
  const element = useRef<HTMLDivElement>(null);
  const map = useRef<FleetMap>(undefined);
  useEffect(() => {
    if (!element.current) return undefined;
    const made = new FleetMap(element.current, settings.tiles, onPick);
    map.current = made;
    const watch = new ResizeObserver(() => made.resized());
    watch.observe(element.current);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const repaint = (): void => made.repaint();
    dark.addEventListener("change", repaint);
    return () => {
      dark.removeEventListener("change", repaint);
      watch.disconnect();
      made.remove();
    };
  }, [settings, onPick]);
  useEffect(() => map.current?.repaint(), [theme]);
  useEffect(() => map.current?.name(words.zoomIn, words.zoomOut), [words]);
  const { cars, selected, track, cursor } = view;
  useEffect(() => map.current?.show({ cars, selected, track, cursor }), [cars, selected, track, cursor]);
  return { element, map };
};

const NO_TRACK: readonly TrackPoint[] = [];

/** The history's track, until the pane shows something else. */
type ShownTrack = {
  readonly unit: string;
  readonly track: readonly TrackPoint[];
  readonly cursor: TrackPoint | undefined;
};

export const Console = ({
  settings,
  onRefused,
}: {
  settings: ConsoleSettings;
  onRefused: () => void;
}): JSX.Element => {
  const words = useWords();
  const { state, version, isLost } = useFleet(onRefused);
  const now = useNow(state.skewMs);
  const [selected, setSelected] = useState<string | undefined>(undefined);
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState<ShownTrack | undefined>(undefined);
  const cars = useMemo(() => matching(state.cars.values(), search), [state, version, search]);
  const all = useMemo(() => [...state.cars.values()], [state, version]);
  const [real, drills, ended] = useMemo(
    () => [state.open(false), state.open(true), state.ended()] as const,
    [state, version],
  );
  const details = useDetails(selected, selected === undefined ? undefined : state.cars.get(selected));
  const alarm = useAlarm(tuneOf(real, drills));
  const isShown = shown !== undefined && shown.unit === selected;
  const { element, map } = useMap(
    settings,
    {
      cars: all,
      selected,
      track: isShown ? shown.track : (details?.track ?? NO_TRACK),
      cursor: isShown ? shown.cursor : undefined,
    },
    setSelected,
  );
  const onTrack = useCallback(
    (track: readonly TrackPoint[], cursor: TrackPoint | undefined) => {
      if (selected !== undefined) setShown({ unit: selected, track, cursor });
      if (cursor) map.current?.keepInView(cursor.lat, cursor.lon);
    },
    [selected, map],
  );
  const onLive = useCallback(() => setShown(undefined), []);
  const actions = {
    operator: settings.operator,
    show({ unit, position }: EpisodeView) {
      setSelected(unit);
      const place = state.cars.get(unit)?.position ?? position;
      if (place) map.current?.goTo(place.lat, place.lon);
    },
    open: setSelected,
  };
  return (
    <div class={`console ${selected === undefined ? "" : "with-car"}`}>
      <header class="bar">
        <h1>{words.title}</h1>
        <span class="rights">
          {settings.operator === undefined ? words.look : words.operator(settings.operator)}
        </span>
        <Sound hearing={alarm.hearing} toggle={alarm.toggle} />
        <ViewerSwitches />
      </header>
      <div class="troubles" role="status">
        {isLost && <p class="trouble">{words.lost}</p>}
        {!isLost && state.isLoaded && !state.isConnected && <p class="trouble">{words.brokerLost}</p>}
      </div>
      <main>
        <Emergencies real={real} drills={drills} unshown={state.unshown} now={now} actions={actions} />
        <div class="work">
          <CarList
            cars={cars}
            total={all.length}
            selected={selected}
            now={now}
            search={search}
            onSearch={setSearch}
            onSelect={setSelected}
          />
          <section class="map-pane" aria-label={words.map}>
            <div class="map" ref={element} role="application" aria-label={words.map} />
            <button type="button" class="plain all" onClick={() => map.current?.showAll()}>
              {words.showAll}
            </button>
            {settings.tiles?.credit !== undefined && <p class="credit">{settings.tiles.credit}</p>}
          </section>
          {selected !== undefined && (
            <CarPane
              key={selected}
              unit={selected}
              details={details}
              now={now}
              hasHistory={settings.history}
              onClose={() => setSelected(undefined)}
              onTrack={onTrack}
              onLive={onLive}
            />
          )}
        </div>
        <Records events={state.events} ended={ended} now={now} />
      </main>
    </div>
  );
};

export const isRefused = (cause: unknown): boolean => cause instanceof AnswerError && cause.status === 401;
