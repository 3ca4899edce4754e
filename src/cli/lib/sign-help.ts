/** What `--sign` of `record` and `dispatch` does. */
export const SIGN_HELP = `--sign: a private key that signs what units act on (Ed25519, PEM, no passphrase; bundle keygen makes
one). Units with dispatch.requireSigned need it; the others read the messages as before.`;
