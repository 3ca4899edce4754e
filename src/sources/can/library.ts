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
export const KOFFI_MISSING: Missing = {
  says: "the library koffi cannot be loaded",
  cure: "install the package again, or run `npm ci` in the checkout",
};

const loads = (library: string): Promise<boolean> =>
  import(library).then(
    () => true,
    () => false,
  );

/** Why this machine cannot read a bus with a driver. Undefined: it can; `native` falls back on the other. */
export const missingCanLibrary = async (driver: CanDriverName): Promise<Missing | undefined> => {
  if (driver === "native" && (await loads("koffi"))) return undefined;
  if (await loads(LIBRARY)) return undefined;
  return driver === "native" ? KOFFI_MISSING : SOCKETCAN_MISSING;
};
