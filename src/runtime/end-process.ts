/** How long koffi may take to load. */
const LOAD_MS = 400;

/** Loads what `endProcess` needs, so that it takes no time when the process must end. */
export const prepareEnd = (): void => {
  import("koffi").catch(() => undefined);
};

/**
 * Ends this process at once, with an exit code. `process.exit` first waits for every thread of libuv's pool:
 * for a name server or a disk that does not answer. `_exit(2)` does not. If koffi cannot be loaded,
 * SIGKILL ends the process.
 */
export const endProcess = async (code: number): Promise<void> => {
  setTimeout(() => process.kill(process.pid, "SIGKILL"), LOAD_MS);
  try {
    const { default: koffi } = await import("koffi");
    // `null` is the process itself: Node is linked with the C library.
    koffi.load(null).func("void _exit(int status)")(code);
  } catch {
    process.kill(process.pid, "SIGKILL");
  }
};

/** How long a process may go on after its command is done, in milliseconds. */
const GRACE_MS = 250;

/**
 * Sets the exit code of a process that has nothing more to do. It ends by itself, unless a thread of the
 * pool is busy: then it is ended as soon as its output has been read.
 */
export const endWith = (code: number): void => {
  process.exitCode = code;
  const look = () => {
    if (process.stdout.writableLength + process.stderr.writableLength === 0) void endProcess(code);
  };
  setInterval(look, GRACE_MS).unref();
};
