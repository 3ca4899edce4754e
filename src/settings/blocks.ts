import type * as z from "zod";
import type { ConfigPart } from "../domain/faults.ts";
import { suggest } from "../domain/suggest.ts";
import { dotted, type ConfigDocument, type Path } from "./document.ts";
import { valueAt, type Issue } from "./explain.ts";
import type { SettingsFault } from "./fault.ts";
import { repair, type RepairOptions } from "./repair.ts";

/** The fault of a key that is written twice: the last one counts. */
export const duplicateFault = (
  { path, place }: ConfigDocument["duplicates"][number],
  part: ConfigPart,
  fatal = false,
): SettingsFault => ({
  ...place,
  path: dotted(path),
  code: "duplicate-key",
  expected: "each key once",
  found: "a second one",
  remedy: "remove one of them; the last one counts",
  part,
  fatal,
});

/** Reads the blocks of one document, each on its own, and collects the faults of all of them. */
export class Blocks {
  readonly document: ConfigDocument;
  readonly #faults: SettingsFault[] = [];

  constructor(document: ConfigDocument) {
    this.document = document;
  }

  get faults(): readonly SettingsFault[] {
    return this.#faults;
  }

  /** A block as it was written; undefined if it was left out. */
  raw(name: string): unknown {
    return valueAt(this.document.value, [name]);
  }

  /**
   * Parses a block. Undefined: the block cannot be used, and the fault is reported. `required`: that
   * fault is fatal.
   */
  read<S extends z.ZodType>(
    name: string,
    schema: S,
    part: ConfigPart,
    options: RepairOptions & { readonly required?: boolean } = {},
  ): z.infer<S> | undefined {
    const { value, issues } = repair(schema, this.raw(name), options);
    const fatal = options.required === true && value === undefined;
    for (const issue of issues) if (!issue.follows) this.report([name], issue, part, { fatal });
    return value;
  }

  /** Parses a block whose keys all have defaults. It is always usable. */
  readOrDefault<S extends z.ZodType>(name: string, schema: S, part: ConfigPart): z.infer<S> {
    const given = this.raw(name) === undefined ? undefined : this.read(name, schema, part);
    return given ?? schema.parse({});
  }

  report(
    base: Path,
    issue: Omit<Issue, "code"> & Pick<SettingsFault, "code">,
    part: ConfigPart,
    { document = this.document, fatal = false }: { document?: ConfigDocument; fatal?: boolean } = {},
  ): void {
    const { path: within, code, expected, found, remedy, atKey } = issue;
    const path = [...base, ...within];
    this.add({
      ...(atKey ? document.placeOfKey(path) : document.placeOf(path)),
      path: dotted(path),
      code,
      expected,
      found,
      ...(remedy === undefined ? {} : { remedy }),
      part,
      fatal,
    });
  }

  add(fault: SettingsFault): void {
    this.#faults.push(fault);
  }

  /** Reports unknown top-level keys, and keys that are written twice. */
  reportKeys(known: readonly string[]): void {
    const { value, duplicates } = this.document;
    for (const key of typeof value === "object" && value !== null ? Object.keys(value) : []) {
      if (known.includes(key)) continue;
      const meant = suggest(key, known);
      const expected = meant === undefined ? `one of the blocks ${known.join(", ")}` : "a known block";
      const remedy = meant === undefined ? "remove it" : `did you mean "${meant}"?`;
      const found = `the unknown block "${key}"`;
      this.report([], { path: [key], code: "unknown-key", expected, found, remedy, atKey: true }, "config");
    }
    for (const twice of duplicates) this.add(duplicateFault(twice, "config", twice.path[0] === "unit"));
  }
}
