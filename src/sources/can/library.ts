import type { CanDriverName } from "./driver.ts";

/**
 * An optional dependency: npm does not install it if its own Node is older than 22, or if there is no
 * compiler.
 */
export const LIBRARY: string = "socketcan";

/** What is wrong on this machine, and what to do about it. */
type Missing = { readonly says: string; readonly cure: string };

export const SOCKETCAN_MISSING: Missing = {
  says: `the library ${LIBRARY} is not installed`,
  cure: "run `npm run can`",
};
const KOFFI_MISSING: Missing = {
  says: "the library koffi cannot be loaded",
  cure: "install the package again, or run `npm ci` in the checkout",
};

/** The processors whose layout of memory `message-block` knows. */
const PROCESSORS: ReadonlySet<string> = new Set(["x64", "arm64"]);

const loads = (library: string): Promise<boolean> =>
  import(library).then(
    () => true,
    () => false,
  );

/** Why a machine cannot read a bus with koffi. Undefined: it can. */
export const missingForNative = async (
  processor: string = process.arch,
  has: (library: string) => Promise<boolean> = loads,
): Promise<Missing | undefined> => {
  if (!PROCESSORS.has(processor))
    return {
      says: `can.driver native knows only ${[...PROCESSORS].join(" and ")}, this processor is ${processor}`,
      cure: "run `npm run can`: socketcan reads the bus then",
    };
  return (await has("koffi")) ? undefined : KOFFI_MISSING;
};

/** Why this machine cannot read a bus with a driver. Undefined: it can; `native` falls back on the other. */
export const missingCanLibrary = async (driver: CanDriverName): Promise<Missing | undefined> => {
  const missing = driver === "native" ? await missingForNative() : SOCKETCAN_MISSING;
  return missing && !(await loads(LIBRARY)) ? missing : undefined;
};
