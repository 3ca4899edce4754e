"use strict";
// Stands in for the package `nanotimer`, which names no licence. johnny-five loads it for its Piezo only: our board makes its
// sounds itself.
module.exports = function NanoTimer() {
  throw new Error("johnny-five's Piezo is not part of this package: the board makes the sounds");
};
