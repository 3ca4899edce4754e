import { errorCode } from "../../runtime/error-code.ts";
import { reasonOf } from "../../runtime/log.ts";
import { StoreError, type StoreFault } from "../store.ts";

/** Another transaction came between: nothing was written, and it can be tried again. */
export const isConflict = (thrown: unknown): boolean =>
  ["40001", "40P01", "23505"].includes(errorCode(thrown));

/** SQLSTATEs: https://www.postgresql.org/docs/15/errcodes-appendix.html */
const faultOf = (code: string): StoreFault => {
  // Data exceptions, constraints, statements that are too complex or nested too deeply.
  if (/^(22|23|54)/.test(code)) return "refused";
  // Wrong password, no such role or database, no rights, no such table.
  if (/^(28|3D|42)/.test(code)) return "unusable";
  return "unavailable";
};

/** An error of PostgreSQL or of the network as a StoreError. `where`: the server without its password. */
export const postgresError = (where: string, thrown: unknown): StoreError =>
  thrown instanceof StoreError
    ? thrown
    : new StoreError(
        faultOf(errorCode(thrown)),
        `${where}: ${reasonOf(thrown) || errorCode(thrown)}`,
        thrown,
      );
