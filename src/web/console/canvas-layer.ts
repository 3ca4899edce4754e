import * as L from "leaflet";

/** Draws a whole map view into one canvas: thousands of cars cost one picture and no elements. */

/** `size`: of the view in CSS pixels. */
export type Draw = (context: CanvasRenderingContext2D, map: L.Map, size: L.Point) => void;

export class CanvasLayer extends L.Layer {
  readonly #draw: Draw;
  readonly #canvas = document.createElement("canvas");
  #map: L.Map | undefined;
  #frame = 0;
  readonly #moved = (): void => this.invalidate();

  constructor(draw: Draw, name: string) {
    super();
    this.#draw = draw;
    this.#canvas.className = `canvas-layer ${name}`;
    this.#canvas.setAttribute("aria-hidden", "true");
  }

  /** Draws in the next frame, once, however often it is asked. */
  invalidate(): void {
    if (this.#frame !== 0 || !this.#map) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  override onAdd(map: L.Map): this {
    this.#map = map;
    map.getPane("overlayPane")?.append(this.#canvas);
    map.on("move zoom viewreset resize", this.#moved);
    this.invalidate();
    return this;
  }

  override onRemove(map: L.Map): this {
    map.off("move zoom viewreset resize", this.#moved);
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#map = undefined;
    this.#canvas.remove();
    return this;
  }

  #paint(): void {
    const map = this.#map;
    const context = this.#canvas.getContext("2d");
    if (!map || !context) return;
    const size = map.getSize();
    const ratio = Math.min(devicePixelRatio, 2);
    const [width, height] = [Math.round(size.x * ratio), Math.round(size.y * ratio)];
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
      this.#canvas.style.width = `${size.x}px`;
      this.#canvas.style.height = `${size.y}px`;
    }
    L.DomUtil.setPosition(this.#canvas, map.containerPointToLayerPoint([0, 0]));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.x, size.y);
    this.#draw(context, map, size);
  }
}
