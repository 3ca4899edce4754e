import { StoreError, type Commit, type Store } from "../../src/recorder/store.ts";
import { openSqliteStore } from "../../src/recorder/sqlite/store.ts";
import { systemTime } from "../../src/runtime/time.ts";

/** A real store in memory whose commits can be made to fail, wait or be refused. */
export type TestStore = Store & {
  /** Called before each commit: throw to make it fail. */
  before: (commit: Commit) => void | Promise<void>;
  readonly commits: Commit[];
};

export const openMemoryStore = async (): Promise<TestStore> => {
  const store = await openSqliteStore(":memory:", true, systemTime);
  const own: TestStore = {
    before: () => undefined,
    commits: [],
    id: store.id,
    async commit(commit) {
      await own.before(commit);
      const outcome = await store.commit(commit);
      if (outcome.kind === "committed") own.commits.push(commit);
      return outcome;
    },
    lock: (name, signal, waiting) => store.lock(name, signal, waiting),
    load: (names) => store.load(names),
    verify: () => store.verify(),
    find: (numbers) => store.find(numbers),
    saveSilent: (recorder, units) => store.saveSilent(recorder, units),
    silent: (recorder) => store.silent(recorder),
    streams: (unit) => store.streams(unit),
    read: (selection) => store.read(selection),
    corrections: (name) => store.corrections(name),
    kept: (rejected) => store.kept(rejected),
    rejected: () => store.rejected(),
    conflicts: () => store.conflicts(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
  return own;
};

export const refuses = (isBad: (commit: Commit) => boolean) => (commit: Commit) => {
  if (isBad(commit)) throw new StoreError("refused", "it is not to its taste");
};
