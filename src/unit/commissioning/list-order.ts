import { isWaiting, type List, type ListEvent } from "../../commissioning/list.ts";
import { StepOrder } from "../../domain/commissioning.ts";
import type { Refusal } from "../../status/list-routes.ts";
import { readyStep } from "./shown-list.ts";

/** What an order about an open list becomes: an event of the list, or a refusal. Pure. */

export const conflict = (code: Refusal["code"], reason: string): Refusal => ({ status: 409, code, reason });

export const NO_LIST: Refusal = { status: 404, code: "no-list", reason: "no list is open" };

const NOT_LOCAL: Refusal = {
  status: 403,
  code: "not-local",
  reason: "a drill can only be asked for on this machine, through a loopback address",
};

type Judged = Refusal | (ListEvent & { readonly kind: "skip" | "ready" | "end" });

/** `order`: the body as JSON. `local`: it comes from this machine; nobody else may arm a drill. `mono`: now. */
export const judgeOrder = (order: unknown, list: List, local: boolean, mono: number): Judged => {
  const { data } = StepOrder.safeParse(order);
  if (!data) return { status: 400, code: "failed", reason: "expected a step, and skip, ready or end" };
  if (data.action === "end") return { kind: "end", by: "technician" };
  const { id } = data;
  const progress = list.entries.find(({ step }) => step.id === id)?.progress;
  if (!progress) return { status: 404, code: "failed", reason: `there is no step ${id}` };
  if (data.action === "skip")
    return isWaiting(progress) || progress.state === "fail"
      ? { kind: "skip", id, reason: data.reason }
      : conflict("failed", `${id} has ended already`);
  if (!local) return NOT_LOCAL;
  return readyStep(list, mono) === id ? { kind: "ready" } : conflict("failed", `${id} cannot be pressed now`);
};
