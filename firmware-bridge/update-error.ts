/**
 * Why an update was not made.
 *
 * - `refused`: the board is needed now.
 * - `silent`: the port cannot be opened, or nothing answers on it in time. `in-use`: another program has the port.
 * - `no-loader`: the board has no boot loader. `old-loader`: it has one that cannot be used.
 * - `no-start`: there is a firmware, ours or another, that starts no boot loader.
 * - `chip`: the chip is another one.
 * - `failed`: it was begun, and can be repeated.
 */
type UpdateFault =
  | "refused"
  | "silent"
  | "in-use"
  | "no-loader"
  | "old-loader"
  | "no-start"
  | "chip"
  | "failed";

export class UpdateError extends Error {
  readonly code: UpdateFault;
  constructor(code: UpdateFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
