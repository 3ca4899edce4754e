/** Single keys of a terminal, or the letters of any other input. Capitals count as the same keys. */
export const onKeys = (keys: Readonly<Partial<Record<string, () => void>>>): Disposable => {
  const { stdin } = process;
  const CTRL_C = "\u0003";
  const take = (bytes: Buffer) => {
    for (const key of bytes.toString()) {
      if (key === CTRL_C) keys["q"]?.();
      else keys[key.toLowerCase()]?.();
    }
  };
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on("data", take);
  return {
    [Symbol.dispose]() {
      stdin.off("data", take);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
    },
  };
};
