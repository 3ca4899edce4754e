import { ListOrder } from "../../domain/commissioning.ts";
import type { ListSnapshot } from "../../domain/snapshot/commissioning.ts";
import type { Snapshot } from "../../domain/snapshot.ts";
import type { ListActions, Refusal } from "../../status/list-routes.ts";
import type { Core } from "../core.ts";
import type { Parts } from "../duties.ts";
import { tryBroker } from "../try-broker.ts";
import type { Commissioning } from "./event.ts";
import { fittedOf } from "./fitted.ts";
import { readPage } from "./keep.ts";
import { NO_LIST } from "./list-order.ts";
import type { PageList } from "./page-list.ts";

/** The page's commissioning list on a unit that runs. What a list needs is loaded with the first one: most starts see none. */

const NO_ROOT: Refusal = {
  status: 409,
  code: "no-root",
  reason: "the service does not run on a root (run --root): reports have no place and no key",
};

export class ListOnPage implements ListActions, AsyncDisposable {
  readonly #core: Core;
  readonly #parts: Parts;
  readonly #commissioning: Commissioning;
  readonly #snapshot: () => Promise<Snapshot>;
  #list: PageList | undefined;

  constructor(core: Core, parts: Parts, commissioning: Commissioning, snapshot: () => Promise<Snapshot>) {
    this.#core = core;
    this.#parts = parts;
    this.#commissioning = commissioning;
    this.#snapshot = snapshot;
  }

  async begin(order: unknown): Promise<Refusal | undefined> {
    const { data } = ListOrder.safeParse(order);
    if (!data)
      return { status: 400, code: "failed", reason: "expected a technician's name of at most 80 letters" };
    const { root } = this.#core.options;
    if (!root) return NO_ROOT;
    const loaded = await import("./page-list.ts");
    this.#list ??= new loaded.PageList({ ...this.#unit(), place: root });
    return this.#list.begin(data);
  }

  step(order: unknown, local: boolean): Refusal | undefined {
    return this.#list ? this.#list.step(order, local) : NO_LIST;
  }

  leave(): Refusal | undefined {
    return this.#list ? this.#list.leave() : NO_LIST;
  }

  page(number: number): Promise<Buffer | undefined> {
    const { root } = this.#core.options;
    return root ? readPage(root.root, root.files, number) : Promise.resolve(undefined);
  }

  shown(): ListSnapshot | undefined {
    return this.#list?.shown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#list?.[Symbol.asyncDispose]();
  }

  #unit() {
    const { settings, config, configFaults, ports } = this.#core.options;
    const { emergency } = this.#parts;
    const faults = configFaults.map(({ part, detail }) => ({ part, says: detail }));
    return {
      time: ports.time,
      log: ports.log,
      identity: settings.dispatch,
      config,
      fitted: (tried: boolean) => fittedOf({ settings, mapping: ports.can?.mapping, faults }, tried),
      snapshot: this.#snapshot,
      tryBroker: (url: string) => tryBroker(url, settings, ports.connect, true),
      arm: () => Promise.resolve(emergency.drill("technician")),
      disarm: () => Promise.resolve(emergency.give({ kind: "no-drill" })),
      accept: (report: string) => this.#commissioning.receive({ report }),
    };
  }
}
