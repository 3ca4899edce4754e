import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ConsoleSettings } from "../../domain/fleet.ts";
import { FleetMap, type MapView } from "./fleet-map.ts";
import { useWords } from "./parts.tsx";

type Props = {
  readonly settings: ConsoleSettings;
  readonly view: MapView;
  readonly onPick: (unit: string) => void;
  /** The map once it is there, for what moves it. */
  readonly map: { current: FleetMap | undefined };
};

/** Makes the map in an element, and tells it when its size or the colours have changed. */
const openMap = (element: HTMLElement, { settings, onPick }: Props): { map: FleetMap; close(): void } => {
  const map = new FleetMap(element, settings.tiles, onPick);
  const size = new ResizeObserver(() => map.resized());
  size.observe(element);
  const repaint = (): void => map.repaint();
  const chosen = new MutationObserver(repaint);
  chosen.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  return {
    map,
    close() {
      chosen.disconnect();
      size.disconnect();
      map.remove();
    },
  };
};

export const MapPane = (props: Props): JSX.Element => {
  const { settings, view, onPick, map } = props;
  const words = useWords();
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!element.current) return undefined;
    const opened = openMap(element.current, props);
    map.current = opened.map;
    return () => {
      map.current = undefined;
      opened.close();
    };
  }, [settings, onPick]);
  useEffect(() => map.current?.name(words.zoomIn, words.zoomOut), [words]);
  const { cars, selected, track, cursor } = view;
  useEffect(() => map.current?.show({ cars, selected, track, cursor }), [cars, selected, track, cursor]);
  return (
    <section class="map-pane" aria-label={words.map}>
      <div class="map" ref={element} role="application" aria-label={words.map} />
      <button type="button" class="plain all" onClick={() => map.current?.showAll()}>
        {words.showAll}
      </button>
      {settings.tiles?.credit !== undefined && <p class="credit">{settings.tiles.credit}</p>}
    </section>
  );
};
