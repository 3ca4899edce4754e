import * as L from "leaflet";
import { PMTiles, TileType } from "pmtiles";

const TYPES: Readonly<Partial<Record<TileType, string>>> = {
  [TileType.Png]: "image/png",
  [TileType.Jpeg]: "image/jpeg",
  [TileType.Webp]: "image/webp",
  [TileType.Avif]: "image/avif",
};

/** Pictures from a PMTiles file, which the server gives by ranges. */
class PmtilesLayer extends L.GridLayer {
  readonly #file: PMTiles;
  readonly #type: string;

  constructor(file: PMTiles, type: string, options: L.GridLayerOptions) {
    super(options);
    this.#file = file;
    this.#type = type;
  }

  protected override createTile({ z, x, y }: L.Coords, done: L.DoneCallback): HTMLElement {
    const image = document.createElement("img");
    image.alt = "";
    this.#file.getZxy(z, x, y).then(
      (tile) => {
        if (tile) {
          const url = URL.createObjectURL(new Blob([tile.data], { type: this.#type }));
          image.addEventListener("load", () => URL.revokeObjectURL(url));
          image.src = url;
        }
        done(undefined, image);
      },
      (cause: unknown) => done(cause instanceof Error ? cause : new Error(String(cause)), image),
    );
    return image;
  }
}

/** Rejects if the file cannot be read. */
export const openPmtiles = async (address: string): Promise<L.Layer> => {
  const file = new PMTiles(new URL(address, document.baseURI).href);
  const { minZoom, maxZoom, tileType } = await file.getHeader();
  return new PmtilesLayer(file, TYPES[tileType] ?? "image/png", {
    minNativeZoom: minZoom,
    maxNativeZoom: maxZoom,
    maxZoom: 19,
  });
};
