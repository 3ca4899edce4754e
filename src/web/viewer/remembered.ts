/**
 * A choice of the viewer, kept in localStorage. If the browser blocks it, the choice lasts until the page is
 * closed.
 */
export type Remembered = {
  /** What was stored; undefined if nothing was, or it is none of the values. */
  get(): string | undefined;
  set(value: string): void;
};

export const remembered = (key: string): Remembered => {
  let here: string | undefined;
  return {
    get() {
      try {
        return localStorage.getItem(key) ?? here;
      } catch {
        return here;
      }
    },
    set(value) {
      here = value;
      try {
        localStorage.setItem(key, value);
      } catch {
        // Blocked or full: `here` has it.
      }
    },
  };
};
