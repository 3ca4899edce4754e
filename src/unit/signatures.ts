import type { Incoming } from "../dispatch/port.ts";
import type { Routes } from "../domain/wire.ts";
import { openSigned, trustedKeys } from "../wire/signed.ts";
import type { Faults } from "./faults.ts";

/** What a message must have to count. */
type SignatureOptions = {
  /** `dispatch.requireSigned`. Undefined: every message counts. */
  readonly keys: readonly string[] | undefined;
  readonly routes: Pick<Routes, "command" | "receipt" | "bundle">;
  readonly faults: Faults;
};

/** Lets through the messages that count; of a signed one, what is signed. Undefined: it does not count, and is reported. */
export type Admit = (message: Incoming, broker: string) => Incoming | undefined;

/** Decides which messages of dispatch count. A bundle has a signature of its own. */
export const createAdmission = ({ keys, routes, faults }: SignatureOptions): Admit => {
  if (!keys) return (message) => message;
  const trusted = trustedKeys(keys);
  const channels = new Map([
    [routes.command, "command"],
    [routes.receipt, "receipt"],
  ]);
  return (message, broker) => {
    const { topic, payload } = message;
    if (topic === routes.bundle) return message;
    const opened = openSigned(trusted, topic, payload);
    if (opened.kind === "valid") return { ...message, payload: opened.payload };
    const where = channels.get(topic) ?? "ack";
    faults.note(
      { part: "link", code: "unsigned", where },
      `a message of dispatch from ${broker} (${where}) does not count: ${opened.why}`,
    );
    return undefined;
  };
};
