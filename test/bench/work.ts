const ROUNDS = 20_000_000;

/** Milliseconds of a fixed piece of work: how fast one machine is beside another. */
export const workMs = (): number => {
  const begun = performance.now();
  let x = 1;
  for (let n = 0; n < ROUNDS; n++) x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
  if (x === 0) throw new Error("this generator has no zero here");
  return performance.now() - begun;
};
