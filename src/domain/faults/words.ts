import type { CodeOf, ConfigCode, PartWithRows } from "../faults.ts";

/** What a viewer reads of one fault. Text between backticks is to be typed or is a key of the configuration. */
export type FaultWords = { readonly sentence: string; readonly remedy: string };

/** The catalogue's texts in another language than English. A row without its text is a compile error. */
export type CatalogueWords = {
  readonly device: { readonly [P in PartWithRows]: Readonly<Record<CodeOf<P>, FaultWords>> };
  readonly configuration: {
    readonly sentences: Readonly<Record<ConfigCode, string>>;
    /** The same for all of them. */
    readonly remedy: string;
  };
};
