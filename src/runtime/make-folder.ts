import { accessSync, constants, mkdirSync, rmdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder and those above it. `mkdirSync(…, { recursive: true })` never returns if a folder cannot be made
 * (under /proc). Throws the system's error.
 */
export const makeFolder = (path: string, mode?: number): void => {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  makeFolder(dirname(path), mode);
  mkdirSync(path, { mode });
};

/** Throws the system's error if a folder is there and cannot be written, or is not there and cannot be made. */
export const expectMakeable = (path: string): void => {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) {
    accessSync(path, constants.W_OK);
    return;
  }
  const parent = dirname(path);
  if (statSync(parent, { throwIfNoEntry: false }) === undefined) {
    expectMakeable(parent);
    return;
  }
  mkdirSync(path);
  rmdirSync(path);
};
