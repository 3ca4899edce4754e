/**
 * An optional dependency: npm does not install it if its own Node is older than 22, or if there is no
 * compiler.
 */
const LIBRARY: string = "socketcan";

/** Why this machine cannot read a bus, and what to do about it. Undefined: the library loads. */
export const missingCanLibrary = async (): Promise<
  { readonly says: string; readonly cure: string } | undefined
> => {
  try {
    await import(LIBRARY);
    return undefined;
  } catch {
    return { says: `the library ${LIBRARY} is not installed`, cure: "run `npm run can`" };
  }
};
