import { wasTakenBack } from "../../bundle/results.ts";
import type { Begun } from "../../bundle/supervise.ts";
import type { BundleSign } from "../../domain/panic.ts";
import type { Time } from "../../runtime/ports.ts";
import type { Unit } from "../../unit/start.ts";
import type { OpenRoot } from "./root.ts";

/** The result of a bundle that a technician has brought, on the board's lamp. */

/** Long enough to walk from the computer to the lamp; short enough for nobody to drive off with it. */
const SHOWN_MS = 60_000;

/** Outlives the units of a service: a bundle that is installed starts another one. */
export class ResultLamp {
  readonly #open: Pick<OpenRoot, "root" | "files" | "store">;
  readonly #time: Pick<Time, "mono">;
  #shown: { readonly sign: BundleSign; readonly until: number } | undefined;
  #version: number | undefined;

  constructor(open: Pick<OpenRoot, "root" | "files" | "store">, time: Pick<Time, "mono">) {
    this.#open = open;
    this.#time = time;
  }

  set(sign: BundleSign): void {
    this.#shown = { sign, until: this.#time.mono() + SHOWN_MS };
  }

  /** Shows the last result on the unit's board for the rest of its time. */
  showOn(unit: Pick<Unit, "showResult">): void {
    const leftMs = (this.#shown?.until ?? 0) - this.#time.mono();
    if (this.#shown && leftMs > 0) unit.showResult(this.#shown.sign, leftMs);
  }

  /**
   * The service begins with a version. If it went back to that from one that a technician has brought, the result is
   * `refused`.
   */
  async began({ version, back }: Pick<Begun, "version" | "back">): Promise<void> {
    const before = this.#version;
    this.#version = version;
    if (back === undefined && !(before !== undefined && version < before)) return;
    const { root, files, store } = this.#open;
    const failed = (await store.state()).failed.at(-1);
    if (failed !== undefined && (await wasTakenBack(files, root.inbox, failed))) this.set("refused");
  }
}
