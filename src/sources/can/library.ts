/**
 * An optional dependency: npm does not install it if its own Node is older than 22, or if there is no
 * compiler.
 */
export const LIBRARY: string = "socketcan";

export const NOT_INSTALLED = `the library ${LIBRARY} is not installed`;
export const CURE = "run `npm run can`";

/** Why this machine cannot read a bus, and what to do about it. Undefined: the library loads. */
export const missingCanLibrary = async (): Promise<
  { readonly says: string; readonly cure: string } | undefined
> => {
  try {
    await import(LIBRARY);
    return undefined;
  } catch {
    return { says: NOT_INSTALLED, cure: CURE };
  }
};
