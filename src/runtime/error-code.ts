/** The code of an error of the system or of a library, such as EAGAIN. Empty: it has none. */
export const errorCode = (thrown: unknown): string =>
  thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";

/** Whether a descriptor that does not block had nothing to give or to take. It can be tried again. */
export const isBusy = (thrown: unknown): boolean => ["EAGAIN", "EINTR"].includes(errorCode(thrown));
