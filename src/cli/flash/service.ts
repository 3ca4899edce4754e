import type { UnitSettings } from "../../settings/load.ts";
import { addressOf, askStatus, askUnit } from "../lib/ask-unit.ts";
import { CommandError } from "../lib/command.ts";

/**
 * What the service says when it is asked for the board's port. `none`: no service of this unit answers. `unable`: it
 * is older, or takes no orders from here. `refused`: not now.
 */
export type Loan =
  | { readonly kind: "none" | "unable" }
  | { readonly kind: "refused"; readonly says: string }
  | { readonly kind: "lent" };

/** The result, or undefined if the service cannot be asked. */
const ifAnswered = async <T>(asking: Promise<T>): Promise<T | undefined> => {
  try {
    return await asking;
  } catch (cause) {
    if (cause instanceof CommandError) return undefined;
    throw cause;
  }
};

const isAsked = ({ status: { listen } }: UnitSettings): boolean =>
  listen !== undefined && !listen.endsWith(":0");

/** Asks the service of this unit to close the board's port. It opens it again by itself after two minutes. */
export const borrowPort = async (settings: UnitSettings): Promise<Loan> => {
  if (!isAsked(settings)) return { kind: "none" };
  const address = addressOf(settings);
  if ((await ifAnswered(askStatus(address))) === undefined) return { kind: "none" };
  const answer = await ifAnswered(askUnit(address, "/board", "POST"));
  if (answer?.status === 204) return { kind: "lent" };
  return answer?.status === 409 ? { kind: "refused", says: answer.text.trim() } : { kind: "unable" };
};

/** Gives the port back. A service that has ended meanwhile needs no answer. */
export const returnPort = async (settings: UnitSettings): Promise<void> => {
  await ifAnswered(askUnit(addressOf(settings), "/board", "DELETE"));
};
