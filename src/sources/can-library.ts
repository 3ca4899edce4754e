/** Optional: npm leaves it out if npm's own Node is older than 22, or if there is no compiler. */
const LIBRARY: string = "socketcan";

/** Why no bus can be listened to on this machine, and what to do about it; undefined if the library loads. */
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
