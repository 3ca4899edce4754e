import * as L from "leaflet";
import "leaflet/dist/leaflet.css";
import type { CarSummary, ConsoleSettings, TrackPoint } from "../../domain/fleet.ts";
import { CanvasLayer } from "./canvas-layer.ts";
import { readColours, type Colours } from "./colours.ts";
import { drawCars, drawTrack } from "./draw-cars.ts";
import { drawGrid } from "./grid.ts";

/** The map of the cars. It is not drawn by the page's components: only by what changes. */

/** How far from a car a click may be, pixels: half of a target of 44. */
const NEAR = 22;
/** Where the map is before any position is known: Zrenjanin. */
const START: L.LatLngTuple = [45.38, 20.39];
const CAR_ZOOM = 15;

export type MapView = {
  readonly cars: readonly CarSummary[];
  readonly selected: string | undefined;
  readonly track: readonly TrackPoint[];
  readonly cursor: TrackPoint | undefined;
};

export class FleetMap {
  readonly #map: L.Map;
  readonly #ground: CanvasLayer;
  readonly #cars: CanvasLayer;
  /** What moves at a car with an emergency, by unit: style sheet and compositor move it, not the page's thread. */
  readonly #pulses = new Map<string, L.Marker>();
  #zoom: L.Control.Zoom | undefined;
  #colours: Colours = readColours();
  #view: MapView = { cars: [], selected: undefined, track: [], cursor: undefined };
  #isPlaced = false;
  #hasTiles = false;

  /** `picked`: called with the car that was clicked. */
  constructor(element: HTMLElement, tiles: ConsoleSettings["tiles"], picked: (unit: string) => void) {
    this.#map = L.map(element, {
      attributionControl: false,
      zoomControl: false,
      zoomAnimation: false,
      fadeAnimation: false,
      maxZoom: 19,
      minZoom: 3,
      worldCopyJump: true,
    }).setView(START, 12);
    L.control.scale({ imperial: false, maxWidth: 160 }).addTo(this.#map);
    this.#ground = new CanvasLayer((context, map, size) => {
      if (!this.#hasTiles) drawGrid(context, map, size, this.#colours);
      drawTrack(context, map, this.#view.track, this.#view.cursor, this.#colours);
    }, "ground").addTo(this.#map);
    this.#cars = new CanvasLayer((context, map, size) => this.#drawCars(context, map, size), "cars").addTo(
      this.#map,
    );
    this.#map.on("click", ({ containerPoint }) => {
      const unit = this.#nearest(containerPoint);
      if (unit !== undefined) picked(unit);
    });
    void this.#addTiles(tiles);
  }

  /** Shows what has changed since. */
  show(view: MapView): void {
    const before = this.#view;
    this.#view = view;
    if (before.track !== view.track || before.cursor !== view.cursor) this.#ground.invalidate();
    this.#cars.invalidate();
    this.#placePulses(view.cars.filter(({ emergency }) => emergency === "real"));
    if (!this.#isPlaced && view.cars.some(({ position }) => position)) {
      this.#isPlaced = true;
      this.showAll();
    }
  }

  /** The colours have changed. */
  repaint(): void {
    this.#colours = readColours();
    this.#ground.invalidate();
    this.#cars.invalidate();
  }

  /** The words of the buttons. */
  name(zoomIn: string, zoomOut: string): void {
    this.#zoom?.remove();
    this.#zoom = L.control.zoom({ zoomInTitle: zoomIn, zoomOutTitle: zoomOut }).addTo(this.#map);
  }

  showAll(): void {
    this.#fit(this.#view.cars.flatMap(({ position }) => position ?? []));
  }

  showTrack(): void {
    this.#fit(this.#view.track);
  }

  goTo(lat: number, lon: number): void {
    this.#map.setView([lat, lon], Math.max(this.#map.getZoom(), CAR_ZOOM), { animate: false });
  }

  /** Moves the map so that a place is in its middle part, if it is not. */
  keepInView(lat: number, lon: number): void {
    const { x, y } = this.#map.latLngToContainerPoint([lat, lon]);
    const size = this.#map.getSize();
    const isInside = x > size.x * 0.15 && x < size.x * 0.85 && y > size.y * 0.15 && y < size.y * 0.85;
    if (!isInside) this.#map.panTo([lat, lon], { animate: false });
  }

  /** The place of the map's element has another size. */
  resized(): void {
    this.#map.invalidateSize({ animate: false });
  }

  remove(): void {
    this.#map.remove();
  }

  #fit(points: readonly { readonly lat: number; readonly lon: number }[]): void {
    if (points.length === 0) return;
    const bounds = L.latLngBounds(points.map(({ lat, lon }): L.LatLngTuple => [lat, lon]));
    this.#map.fitBounds(bounds, { padding: [48, 48], maxZoom: CAR_ZOOM, animate: false });
  }

  async #addTiles(tiles: ConsoleSettings["tiles"]): Promise<void> {
    if (!tiles) return;
    // Without its tiles the map is a grid: a dispatcher still sees the cars.
    const layer =
      tiles.kind === "url"
        ? L.tileLayer(tiles.url, { maxZoom: 19, referrerPolicy: "strict-origin-when-cross-origin" })
        : await import("./pmtiles-layer.ts")
            .then(({ openPmtiles }) => openPmtiles(tiles.url))
            .catch(() => undefined);
    if (!layer) return;
    layer.addTo(this.#map);
    this.#hasTiles = true;
    this.#ground.invalidate();
  }

  #drawCars(context: CanvasRenderingContext2D, map: L.Map, size: L.Point): void {
    const { cars, selected } = this.#view;
    drawCars(context, map, size, { cars, selected, colours: this.#colours });
  }

  #placePulses(cars: readonly CarSummary[]): void {
    const units = new Set(cars.map(({ unit }) => unit));
    for (const [unit, pulse] of this.#pulses) {
      if (units.has(unit)) continue;
      pulse.remove();
      this.#pulses.delete(unit);
    }
    for (const { unit, position } of cars) {
      if (!position) continue;
      const place: L.LatLngTuple = [position.lat, position.lon];
      const known = this.#pulses.get(unit);
      if (known) known.setLatLng(place);
      else {
        const icon = L.divIcon({ className: "pulse", iconSize: [36, 36] });
        this.#pulses.set(
          unit,
          L.marker(place, { icon, interactive: false, keyboard: false }).addTo(this.#map),
        );
      }
    }
  }

  #nearest(click: L.Point): string | undefined {
    const near = this.#view.cars.flatMap(({ unit, position }) => {
      if (!position) return [];
      const distance = this.#map.latLngToContainerPoint([position.lat, position.lon]).distanceTo(click);
      return distance <= NEAR ? [{ unit, distance }] : [];
    });
    return near.toSorted((a, b) => a.distance - b.distance)[0]?.unit;
  }
}
