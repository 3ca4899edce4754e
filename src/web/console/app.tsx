import type { JSX } from "preact";
import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import type { ConsoleSettings, EpisodeView, TrackPoint } from "../../domain/fleet.ts";
import { ViewerSwitches } from "../viewer/viewer.tsx";
import { CarList } from "./car-list.tsx";
import { CarPane } from "./car-pane.tsx";
import { Emergencies } from "./emergencies.tsx";
import type { FleetMap } from "./fleet-map.ts";
import type { FleetState } from "./fleet-state.ts";
import { matching } from "./fleet-state.ts";
import { MapPane } from "./map-pane.tsx";
import { useNow, useWords } from "./parts.tsx";
import { Records } from "./records.tsx";
import { Sound, tuneOf, useAlarm } from "./sound.tsx";
import { useDetails, useFleet } from "./use-fleet.ts";

const NO_TRACK: readonly TrackPoint[] = [];

/** The track of the history, with the slider's point, until the pane shows something else. */
type Shown = {
  readonly unit: string;
  readonly track: readonly TrackPoint[];
  readonly cursor: TrackPoint | undefined;
};

/** The track that an open emergency of the car brings along: all there is if the console has begun since. */
const episodeTrack = ({ episodes }: FleetState, selected: string | undefined): readonly TrackPoint[] => {
  const open = [...episodes.values()].findLast(({ unit, ended }) => unit === selected && !ended);
  if (!open) return NO_TRACK;
  const places = open.position ? [...open.track, open.position] : open.track;
  return places.map(({ lat, lon }) => ({ lat, lon, at: open.pressedAt }));
};

const Bar = ({
  settings,
  open,
}: {
  readonly settings: ConsoleSettings;
  readonly open: readonly [readonly EpisodeView[], readonly EpisodeView[]];
}): JSX.Element => {
  const words = useWords();
  const alarm = useAlarm(tuneOf(...open));
  return (
    <header class="bar">
      <h1>{words.title}</h1>
      <span class="rights">
        {settings.operator === undefined ? words.look : words.operator(settings.operator)}
      </span>
      <Sound hearing={alarm.hearing} toggle={alarm.toggle} />
      <ViewerSwitches />
    </header>
  );
};

const Troubles = ({ state, isLost }: { state: FleetState; isLost: boolean }): JSX.Element => {
  const words = useWords();
  return (
    <div class="troubles" role="status">
      {isLost && <p class="trouble">{words.lost}</p>}
      {!isLost && state.isLoaded && !state.isConnected && <p class="trouble">{words.brokerLost}</p>}
    </div>
  );
};

type WorkProps = {
  readonly settings: ConsoleSettings;
  readonly state: FleetState;
  readonly version: number;
  readonly now: number;
  readonly selected: string | undefined;
  readonly select: (unit: string | undefined) => void;
  readonly map: { current: FleetMap | undefined };
};

/** List, map and the selected car. */
const Work = ({ settings, state, version, now, selected, select, map }: WorkProps): JSX.Element => {
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState<Shown | undefined>(undefined);
  const cars = useMemo(() => matching(state.cars.values(), search), [state, version, search]);
  const all = useMemo(() => [...state.cars.values()], [state, version]);
  const details = useDetails(selected, selected === undefined ? undefined : state.cars.get(selected));
  const ofHistory = shown?.unit === selected ? shown : undefined;
  const onTrack = useCallback(
    (track: readonly TrackPoint[], cursor: TrackPoint | undefined) => {
      if (selected !== undefined) setShown({ unit: selected, track, cursor });
      if (cursor) map.current?.keepInView(cursor.lat, cursor.lon);
    },
    [selected, map],
  );
  const onLive = useCallback(() => setShown(undefined), []);
  const ofEpisode = useMemo(() => episodeTrack(state, selected), [state, version, selected]);
  const heard = details?.track ?? NO_TRACK;
  const track = ofHistory ? ofHistory.track : heard.length > 1 ? heard : ofEpisode;
  return (
    <div class="work">
      <CarList
        cars={cars}
        total={all.length}
        selected={selected}
        now={now}
        search={search}
        onSearch={setSearch}
        onSelect={select}
      />
      <MapPane
        settings={settings}
        view={{ cars: all, selected, track, cursor: ofHistory?.cursor }}
        onPick={select}
        map={map}
      />
      {selected !== undefined && (
        <CarPane
          key={selected}
          unit={selected}
          details={details}
          now={now}
          hasHistory={settings.history}
          onClose={() => select(undefined)}
          onTrack={onTrack}
          onLive={onLive}
        />
      )}
    </div>
  );
};

type Props = { readonly settings: ConsoleSettings; readonly onRefused: () => void };

export const Console = ({ settings, onRefused }: Props): JSX.Element => {
  const { state, version, isLost } = useFleet(onRefused);
  const now = useNow(state.skewMs);
  const [selected, select] = useState<string | undefined>(undefined);
  const map = useRef<FleetMap | undefined>(undefined);
  const [real, drills, ended] = useMemo(
    () => [state.open(false), state.open(true), state.ended()] as const,
    [state, version],
  );
  const actions = {
    operator: settings.operator,
    show({ unit, position }: EpisodeView) {
      select(unit);
      const place = state.cars.get(unit)?.position ?? position;
      if (place) map.current?.goTo(place.lat, place.lon);
    },
    open: select,
  };
  return (
    <div class={`console ${selected === undefined ? "" : "with-car"}`}>
      <Bar settings={settings} open={[real, drills]} />
      <Troubles state={state} isLost={isLost} />
      <main>
        <Emergencies real={real} drills={drills} unshown={state.unshown} now={now} actions={actions} />
        <Work
          settings={settings}
          state={state}
          version={version}
          now={now}
          selected={selected}
          select={select}
          map={map}
        />
        <Records events={state.events} ended={ended} now={now} />
      </main>
    </div>
  );
};
