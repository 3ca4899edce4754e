/**
 * Cuts a byte stream into NMEA 0183 sentences. Keeps at most one unfinished sentence of `MAX_SENTENCE`
 * bytes, whatever the stream does.
 */
const DOLLAR = 0x24;
const BANG = 0x21;
const LF = 0x0a;
const CR = 0x0d;

/** NMEA 0183 allows 82; receivers' own sentences run longer (Skytraq, Quectel: about 250). */
export const MAX_SENTENCE = 512;

export type Framed =
  /** From `$` (or `!`) to the last byte before the line's end. */
  | { readonly kind: "sentence"; readonly line: string }
  /** A sentence that did not end: the next one started (`half`), or it grew past the limit (`overlong`). */
  | { readonly kind: "half" }
  | { readonly kind: "overlong" };

export type Framer = {
  /** Feeds a chunk, split anywhere; calls `emit` for every sentence that ends in it. */
  push(chunk: Uint8Array, emit: (framed: Framed) => void): void;
};

/** A framer that waits for the start of a sentence. */
export const createFramer = (): Framer => {
  let begun = ""; // the part of an unfinished sentence that came in earlier chunks
  let inside = false;

  return {
    push(chunk, emit) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      let start = inside ? 0 : -1;
      for (let i = 0; i < bytes.length; i++) {
        const byte = bytes[i]!;
        if (byte === DOLLAR || byte === BANG) {
          // `!` inside a sentence may be payload (AIS); only `$` always starts anew.
          if (inside && byte === BANG) continue;
          if (inside) emit({ kind: "half" });
          inside = true;
          begun = "";
          start = i;
        } else if (inside && (byte === LF || byte === CR)) {
          emit({ kind: "sentence", line: begun + bytes.toString("latin1", start, i) });
          inside = false;
          begun = "";
        } else if (inside && begun.length + i - start >= MAX_SENTENCE) {
          emit({ kind: "overlong" });
          inside = false;
          begun = "";
        }
      }
      if (inside) begun += bytes.toString("latin1", start);
    },
  };
};
