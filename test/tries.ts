/**
 * How often a property is tried: `all` times in `npm test`, a tenth of that in `npm run test:unit`, whose
 * configuration sets PATROL_UNIT_TRIES.
 */
export const tries = (all: number): number =>
  process.env["PATROL_UNIT_TRIES"] === "few" ? Math.ceil(all / 10) : all;
