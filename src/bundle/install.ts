import { dirname, join, relative } from "node:path";
import { unitName } from "../domain/identity.ts";
import { systemWords } from "../runtime/system-words.ts";
import { ConfigurationError, type SettingsFault } from "../settings/fault.ts";
import { certifiedName } from "../settings/identity.ts";
import { inForce, loadConfiguration, unitIn, type Configuration } from "../settings/load.ts";
import { CONFIG_FILE, type Root } from "../settings/root.ts";
import { changedFiles, changedKeys, type Change } from "./changes.ts";
import { open, type Opened } from "./envelope.ts";
import { filesOf, MAX_TRUSTED, type Content } from "./format.ts";
import { judge, type Circumstances, type Merged, type Verdict } from "./judge.ts";
import { trustedKey, type TrustedKey } from "./keys.ts";
import type { Files } from "./port.ts";
import type { Store } from "./store.ts";
import { beginTrial, trialOf, type Trial } from "./trial.ts";
import { sha256 } from "./sha256.ts";

/** Installs a bundle: every way in (command line, topic, stick) comes here. */

export type Installed = {
  readonly kind: "installed";
  readonly version: number;
  readonly recipient: string;
  readonly signer: string;
  /** Undefined: there is no version to go back to. */
  readonly previous: number | undefined;
  readonly changes: readonly Change[];
  /** The seconds of its trial. */
  readonly trialS: number;
};
type Done = Extract<Verdict, { kind: "ignore" | "wait" | "refuse" }>;
export type Outcome =
  | Installed
  | (Done & {
      /** Of a bundle whose signature is right. */
      readonly about?: { readonly version: number; readonly signer: string };
    });

export type Installing = {
  readonly root: Root;
  readonly files: Files;
  readonly store: Store;
  /** UTC milliseconds; undefined: the time cannot be trusted. */
  readonly now: number | undefined;
  /** Whether an emergency is open. */
  readonly emergency: boolean;
  readonly from: Circumstances["from"];
  /** An id that changes when the machine is started. */
  readonly machineBoot: string;
  /** Called with what the bundle changes before it is switched. */
  readonly show: (changes: readonly Change[]) => void;
};

/** The keys in a folder: at most 16, by name. Files that hold no such key are left out. */
export const trustedIn = async (
  folder: string,
  files: Pick<Files, "list" | "read">,
): Promise<TrustedKey[]> => {
  const names = (await files.list(folder))
    .filter(({ name, kind }) => kind !== "folder" && name.endsWith(".pem"))
    .map(({ name }) => name.slice(0, -".pem".length))
    .toSorted()
    .slice(0, MAX_TRUSTED);
  const keys = await Promise.all(
    names.map(async (name) => {
      // One that cannot be read must not keep the bundles of the others.
      const pem = await files.read(join(folder, `${name}.pem`)).catch(() => undefined);
      return trustedKey(name, pem?.toString("utf8") ?? "").catch(() => undefined);
    }),
  );
  return keys.filter((key) => key !== undefined);
};

/** The keys that may sign bundles for a unit. */
export const trustedKeys = ({ trust }: Root, files: Files): Promise<TrustedKey[]> => trustedIn(trust, files);

/** Why a key may be missed: what is wrong with the trust folder. Empty: nothing. */
const trustFaults = async ({ trust }: Root, files: Files): Promise<string> => {
  const names = (await files.list(trust)).filter(({ name }) => name.endsWith(".pem")).slice(0, MAX_TRUSTED);
  if (names.length === 0) return `; ${trust} has no key: copy headquarters' public key there`;
  const faults = await Promise.all(
    names.map(async ({ name, kind }) => {
      if (kind === "folder") return `; ${join(trust, name)} is a folder`;
      const why = await files
        .read(join(trust, name))
        .then((pem) => trustedKey("", pem?.toString("utf8") ?? ""))
        .then(
          () => undefined,
          (cause: unknown) => systemWords("read", cause),
        );
      return why === undefined ? "" : `; ${join(trust, name)} cannot be used: ${why}`;
    }),
  );
  return faults.join("");
};

/** The unit's name: as it is configured, or else as it is certified. Undefined: it has none yet. */
export const ownName = (root: Root): string | undefined => unitIn(root) ?? certifiedName(root);

type Checked = { readonly merged: Merged; readonly configuration: Configuration | undefined };

/** The staged configuration as this car would run it. Faults name its files without their folder. */
const check = (root: Root, stage: string, now: number | undefined): Checked => {
  const named = (faults: readonly SettingsFault[]): SettingsFault[] =>
    faults.map((fault) => {
      const file = relative(stage, fault.file);
      const found = fault.found?.replaceAll(`${stage}/`, "");
      return Object.assign(
        {},
        fault,
        file.startsWith("..") ? {} : { file },
        found === undefined ? {} : { found },
      );
    });
  try {
    const source = { file: join(stage, CONFIG_FILE), root, ...(now === undefined ? {} : { now }) };
    const configuration = loadConfiguration(source);
    const unit = unitName(configuration.settings.unit);
    const outbox = configuration.settings.outbox.path;
    return { merged: { unit, outbox, faults: named(configuration.faults) }, configuration };
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause;
    return { merged: { unit: undefined, faults: named(cause.faults) }, configuration: undefined };
  }
};

/** The files of a configuration's folder by name, without the configuration itself and what is hidden. */
const filesIn = async (files: Files, folder: string, below = ""): Promise<Map<string, string>> => {
  const found = new Map<string, string>();
  for (const { name, kind } of await files.list(join(folder, below))) {
    const path = join(below, name);
    if (name.startsWith(".") || path === CONFIG_FILE) continue;
    // oxlint-disable-next-line no-await-in-loop -- at most 64 files
    const inner = kind === "folder" ? await filesIn(files, folder, path) : undefined;
    for (const [one, hash] of inner ?? []) found.set(one, hash);
    // oxlint-disable-next-line no-await-in-loop
    const bytes = kind === "file" ? await files.read(join(folder, path)) : undefined;
    if (bytes) found.set(path, sha256(bytes));
  }
  return found;
};

/** What is in force now. Undefined: nothing that can be read. */
const configurationNow = (
  root: Root,
): { readonly settings: Configuration["settings"]; readonly folder: string } | undefined => {
  const source = inForce(root);
  try {
    return { settings: loadConfiguration(source).settings, folder: dirname(source.file) };
  } catch (cause) {
    if (cause instanceof ConfigurationError) return undefined;
    throw cause;
  }
};

const changesOf = async (
  { root, files }: Installing,
  stage: string,
  configuration: Configuration,
): Promise<Change[]> => {
  const before = configurationNow(root);
  return [
    ...changedKeys(before, { settings: configuration.settings, folder: stage }),
    ...changedFiles(
      before ? await filesIn(files, before.folder) : new Map<string, string>(),
      await filesIn(files, stage),
    ),
  ];
};

const circumstancesOf = async (on: Installing): Promise<Circumstances> => {
  const { root, store, now, emergency, from } = on;
  const [{ current }, { failed }] = await Promise.all([store.disk(), store.state()]);
  const about = current === undefined ? undefined : await store.about(current);
  return {
    unit: ownName(root),
    outbox: configurationNow(root)?.settings.outbox.path,
    inForce: current === undefined ? undefined : { version: current, sha256: about?.sha256 },
    now,
    emergency,
    from,
    failed,
  };
};

const done = (verdict: Verdict, opened: Opened): Outcome => {
  if (verdict.kind === "check" || verdict.kind === "take") throw new Error(`not decided: ${verdict.kind}`);
  if (opened.kind === "invalid") return verdict;
  return { ...verdict, about: { version: opened.content.version, signer: opened.signer } };
};

/** The version is on disk already, as one that may be needed. */
const inUse = async (store: Store, { version }: Content): Promise<Verdict | undefined> => {
  const [disk, state] = await Promise.all([store.disk(), store.state()]);
  if (version !== disk.previous && version !== trialOf(disk, state)?.previous) return undefined;
  const says = `version ${version} is kept as the previous configuration: give the new one a higher version`;
  return { kind: "refuse", code: "version", says };
};

/**
 * Installs a bundle, or says why not; then nothing has changed. The caller has locked the root. Rejects if the
 * disk cannot be written.
 */
export const install = async (bytes: Buffer, on: Installing): Promise<Outcome> => {
  const { root, files, store, now, machineBoot, show } = on;
  const opened = await open(bytes, await trustedKeys(root, files));
  const circumstances = await circumstancesOf(on);
  const first = judge(opened, circumstances, undefined);
  if (first.kind === "refuse" && first.code === "unknown-key")
    return done({ ...first, says: first.says + (await trustFaults(root, files)) }, opened);
  if (first.kind !== "check" || opened.kind === "invalid") return done(first, opened);
  const { content, signer } = opened;
  const conflict = await inUse(store, content);
  if (conflict) return done(conflict, opened);
  const about = { version: content.version, for: content.for, signer, sha256: opened.sha256 };
  const stage = await store.stage(filesOf(content), about);
  const { merged, configuration } = check(root, stage, now);
  const verdict = judge(opened, circumstances, merged);
  if (verdict.kind !== "take" || !configuration) {
    await store.discard();
    return done(verdict, opened);
  }
  const changes = await changesOf(on, stage, configuration);
  show(changes);
  const next = { version: content.version, signer };
  const state = beginTrial(await store.disk(), await store.state(), next, machineBoot);
  await store.switchToStaged(content.version, state, content.trust);
  const trial: Trial | undefined = state.trial;
  return {
    kind: "installed",
    version: content.version,
    recipient: content.for,
    signer,
    previous: trial?.previous,
    changes,
    trialS: configuration.settings.flash.trialS,
  };
};
