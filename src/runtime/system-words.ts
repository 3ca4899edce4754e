import { reasonOf } from "./log.ts";

/** Errors of the system in words, without the path or address, which the caller names. */
const WORDS = {
  read: {
    ENOENT: "there is no such file",
    ENOTDIR: "there is no such file",
    EACCES: "this user may not read it",
    EPERM: "this user may not read it",
    EISDIR: "it is a folder",
    EFTYPE: "it is a pipe or a device",
    EIO: "the disk reports an error",
  },
  write: {
    ENOENT: "there is no such folder",
    ENOTDIR: "a part of this path is a file",
    EACCES: "this user may not write there",
    EPERM: "this user may not write there",
    EROFS: "the disk is read-only",
    ENOSPC: "the disk is full",
    EDQUOT: "this user's quota is used up",
    EIO: "the disk reports an error",
  },
  listen: {
    EADDRINUSE: "another program uses this address",
    EADDRNOTAVAIL: "this machine has no such address",
    EACCES: "this user may not listen on this port",
  },
  connect: {
    ECONNREFUSED: "nothing listens there",
    ENOTFOUND: "the host name is not known",
    EAI_AGAIN: "the host name cannot be looked up (no DNS?)",
    EHOSTUNREACH: "there is no way to the host",
    ENETUNREACH: "there is no network",
    ETIMEDOUT: "the host does not answer",
    ECONNRESET: "the connection was reset",
    EPIPE: "the connection was closed",
  },
} as const satisfies Record<string, Readonly<Record<string, string>>>;

/** What was tried when the error came. */
export type Attempt = keyof typeof WORDS;

/** The `code` of an error, if it has one. A host with several addresses fails with one error for each. */
export const errorCode = (thrown: unknown): string | number | undefined => {
  if (!(thrown instanceof Error)) return undefined;
  if ("code" in thrown && (typeof thrown.code === "string" || typeof thrown.code === "number"))
    return thrown.code;
  return thrown instanceof AggregateError ? errorCode(thrown.errors[0]) : undefined;
};

/** Why reading, writing, listening or connecting failed. Errors without words keep their own message. */
export const systemWords = (attempt: Attempt, thrown: unknown): string => {
  const words: Readonly<Record<string, string>> = WORDS[attempt];
  return words[String(errorCode(thrown))] ?? reasonOf(thrown);
};
