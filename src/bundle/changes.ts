/** What a new configuration changes, key by key, for a person to read. Pure. */

export type Change = {
  /** A dotted key, or the name of a file. */
  readonly key: string;
  /** As it is printed; absent: there was none. */
  readonly before?: string;
  /** Absent: there is none any more. */
  readonly after?: string;
};

const SECRET = new Set(["password", "pin"]);
const MAX_SHOWN = 80;

const isBlock = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A value as text. Paths below the folder of its configuration are relative to it. */
const plain = (value: unknown, folder: string): string => {
  if (typeof value !== "string") return JSON.stringify(value);
  return value.startsWith(`${folder}/`) ? value.slice(folder.length + 1) : value;
};

/** A value as it is printed. */
const shown = (key: string, value: unknown, folder: string): string => {
  if (SECRET.has(key)) return "(secret)";
  const text = plain(value, folder);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
};

type Leaf = { readonly shown: string; /** Distinguishes secrets and what is cut. */ readonly exact: string };

/** A signal's mapping is one line: it is used whole or not at all. */
const isWhole = (path: string): boolean => path.startsWith("can.signals.");

const leavesOf = (value: unknown, folder: string, path = "", into = new Map<string, Leaf>()) => {
  if (!isBlock(value) || isWhole(path)) {
    const key = path.slice(path.lastIndexOf(".") + 1);
    if (value !== undefined)
      into.set(path, { shown: shown(key, value, folder), exact: plain(value, folder) });
    return into;
  }
  for (const [key, inner] of Object.entries<unknown>({ ...value }))
    leavesOf(inner, folder, path === "" ? key : `${path}.${key}`, into);
  return into;
};

/** A configuration, and the folder of its files. */
export type Side = { readonly settings: unknown; readonly folder: string };

/** The keys that differ, in the order of the new configuration. */
export const changedKeys = (before: Side | undefined, after: Side): Change[] => {
  const old = before ? leavesOf(before.settings, before.folder) : new Map<string, Leaf>();
  const fresh = leavesOf(after.settings, after.folder);
  return [...new Set([...fresh.keys(), ...old.keys()])].flatMap((key) => {
    const [was, is] = [old.get(key), fresh.get(key)];
    if (was?.exact === is?.exact) return [];
    return [{ key, ...(was ? { before: was.shown } : {}), ...(is ? { after: is.shown } : {}) }];
  });
};

/** The files that differ, by name and sha256. */
export const changedFiles = (
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): Change[] =>
  [...new Set([...after.keys(), ...before.keys()])].flatMap((key) => {
    const [was, is] = [before.get(key), after.get(key)];
    if (was === is) return [];
    return [
      {
        key,
        ...(was === undefined ? {} : { before: "the old file" }),
        ...(is === undefined ? {} : { after: "another file" }),
      },
    ];
  });

/** `report.movingS: 5 → 10` */
export const changeText = ({ key, before = "none", after = "none" }: Change): string =>
  `${key}: ${before} → ${after}`;
