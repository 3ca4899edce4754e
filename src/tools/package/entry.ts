/** One file or link of a package. */
export type Entry = {
  /** Without a leading slash. */
  readonly path: string;
} & (
  | { readonly kind: "copy"; readonly mode: Mode; readonly from: string }
  | { readonly kind: "text"; readonly mode: Mode; readonly bytes: string | Uint8Array }
  | { readonly kind: "link"; readonly to: string }
);

/** No file of a package can be written by its group, or runs as its owner. */
export type Mode = 0o644 | 0o755;

/** Copies a file of the build. */
export const copy = (from: string, path: string, mode: Mode = 0o644): Entry => ({
  kind: "copy",
  path,
  mode,
  from,
});

/** Writes what was made in memory. */
export const text = (path: string, bytes: string | Uint8Array, mode: Mode = 0o644): Entry => ({
  kind: "text",
  path,
  mode,
  bytes,
});

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The entries by their paths, whatever the locale. Throws if two have the same path. */
export const inOrder = (entries: readonly Entry[]): Entry[] => {
  const sorted = entries.toSorted((a, b) => compare(a.path, b.path));
  const twice = sorted.find(({ path }, i) => path === sorted[i + 1]?.path);
  if (twice) throw new Error(`${twice.path} is twice in the package`);
  return sorted;
};

/** The folders of the entries, each before those in it. */
export const foldersOf = (entries: readonly Entry[]): string[] => {
  const folders = new Set<string>();
  for (const { path } of entries) {
    const parts = path.split("/");
    for (let n = 1; n < parts.length; n++) folders.add(parts.slice(0, n).join("/"));
  }
  return [...folders].toSorted(compare);
};
