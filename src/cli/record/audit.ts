import { size, type Runs } from "../../domain/runs.ts";
import { isoInstant } from "../../domain/time.ts";
import { highest, lost } from "../../recorder/ledger.ts";
import type { Store, Stream } from "../../recorder/store.ts";
import { EXIT, options } from "../lib/command.ts";
import { readTarget, withStore } from "./target.ts";

/** What the ledger says about one (unit, store). */
type Account = {
  readonly unit: string;
  readonly store: string;
  /** The highest number that was received. */
  readonly highest: number;
  readonly received: number;
  /** Numbers that are neither received nor declared. */
  readonly undeclared: number;
  /** The first ranges of them. */
  readonly missing: Runs;
  /** Numbers that were declared and never came, by reason. */
  readonly declared: Readonly<Record<string, number>>;
  readonly duplicates: number;
  readonly rejected: number;
  readonly lastHeard: string;
  /** Boots whose times are corrected. */
  readonly clockCorrections: number;
};

const RANGES = 100;
const SHOWN = 5;

const accountOf = async (store: Store, stream: Stream): Promise<Account> => {
  const { ledger, unit, duplicates, rejected } = stream;
  const open = ledger.missing.runs;
  const declared = [...ledger.declared.keys()].map((reason) => [reason, size(lost(ledger, reason))] as const);
  return {
    unit,
    store: stream.store,
    highest: highest(ledger),
    received: size(ledger.received.runs),
    undeclared: size(open),
    missing: open.slice(0, RANGES),
    declared: Object.fromEntries(declared.filter(([, count]) => count > 0)),
    duplicates,
    rejected,
    lastHeard: isoInstant(stream.lastHeard),
    clockCorrections: await store.corrections(stream),
  };
};

const rangeText = ([from, to]: readonly [number, number]): string =>
  from === to ? `${from}` : `${from}-${to}`;

const lineOf = (account: Account): string => {
  const { unit, store, received, undeclared, declared, duplicates, rejected, clockCorrections } = account;
  const reasons = Object.entries(declared).map(([reason, count]) => `${reason} ${count}`);
  const ranges = account.missing.slice(0, SHOWN).map(rangeText);
  const more = account.missing.length > SHOWN ? ", …" : "";
  return [
    `${unit} ${store === "" ? "(1.0)" : store}`,
    `up to ${account.highest}`,
    `${received} received`,
    ...(reasons.length > 0 ? [`declared: ${reasons.join(", ")}`] : []),
    ...(duplicates > 0 ? [`${duplicates} duplicates`] : []),
    ...(rejected > 0 ? [`${rejected} rejected`] : []),
    ...(clockCorrections > 0 ? [`${clockCorrections} clock corrections`] : []),
    `heard ${account.lastHeard}`,
    undeclared > 0 ? `UNDECLARED ${undeclared}: ${ranges.join(", ")}${more}` : "complete",
  ].join("  ");
};

const write = async (text: string): Promise<void> => {
  if (!process.stdout.write(text))
    await new Promise<void>((resolve) => void process.stdout.once("drain", resolve));
};

/** `record audit`: 1 if any number is neither received nor declared, or came with two contents. */
export const recordAudit = async (args: readonly string[]): Promise<number> => {
  const given = options(args, { into: { type: "string" }, json: { type: "boolean" } });
  return withStore(readTarget(given.into), false, async (store) => {
    const accounts: Account[] = [];
    let undeclared = 0;
    let streams = 0;
    for await (const stream of store.streams()) {
      const account = await accountOf(store, stream);
      undeclared += account.undeclared;
      streams++;
      if (given.json) accounts.push(account);
      else await write(`${lineOf(account)}\n`);
    }
    const rejected = await store.rejected();
    const conflicts = await store.conflicts();
    const total = { database: store.id, undeclared, rejected, conflicts };
    if (given.json) await write(`${JSON.stringify({ ...total, streams: accounts })}\n`);
    else
      await write(
        `${streams} stores of units, ${undeclared} numbers undeclared, ${rejected} messages rejected${conflicts > 0 ? `, CONFLICTS ${conflicts}: see the table rejected` : ""}\n`,
      );
    return undeclared + conflicts > 0 ? EXIT.failed : EXIT.ok;
  });
};
