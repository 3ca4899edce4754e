import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { certificatesIn, issuerOf, refusalOf, wrongDate } from "../bundle/certificate.ts";
import { replaceFile, type Files } from "../bundle/port.ts";
import { IDENTITY_PART } from "../domain/identity.ts";
import { TEXT_BYTES } from "../settings/files.ts";
import { unitIn } from "../settings/load.ts";
import { certificateFileOf, keyFileOf, type Root } from "../settings/root.ts";
import { CommandError, EXIT, options, required, takeArgument, type Command } from "./lib/command.ts";
import { readGiven } from "./lib/read-given.ts";
import { lockRoot, openRoot, settingsNow, trustedTime } from "./lib/root.ts";
import { expectWritable, writeOut } from "./lib/write-out.ts";

const print = (json: boolean | undefined, value: object, line: string): void =>
  void process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${line}\n`);

const isUnitName = (name: string): boolean => {
  const parts = name.split("/");
  return parts.length === 2 && parts.every((part) => IDENTITY_PART.test(part));
};

/** The unit of a root: as it is configured, or else `--unit`. Throws a CommandError if they differ, or neither is known. */
const unitOf = (root: Root, given: string | undefined): string => {
  if (given !== undefined && !isUnitName(given))
    throw new CommandError(
      EXIT.usage,
      `--unit ${given}: expected DIRECTORATE/UNIT, such as zrenjanin/zr-117`,
    );
  const configured = unitIn(root);
  if (configured !== undefined && given !== undefined && configured !== given)
    throw new CommandError(EXIT.failed, `--unit ${given}: ${root.dir} is configured for ${configured}`);
  return configured ?? required(given, "unit");
};

const keyIn = (file: string, bytes: Buffer): KeyObject => {
  try {
    return createPrivateKey(bytes);
  } catch (cause) {
    throw new CommandError(EXIT.failed, `${file} is no private key: remove it to have a new one made`, cause);
  }
};

/** Makes the key if there is none. A key in use is kept: its certificate would be worth nothing without it. */
const keyOf = async (root: Root, files: Files): Promise<{ key: KeyObject; isNew: boolean }> => {
  const file = keyFileOf(root);
  const bytes = await files.read(file);
  const { isUnitKey, makeUnitKey } = await import("../bundle/request.ts");
  if (bytes) {
    const key = keyIn(file, bytes);
    if (isUnitKey(key)) return { key, isNew: false };
    throw new CommandError(EXIT.failed, `${file} is not a P-256 key: remove it to have a new one made`);
  }
  const made = makeUnitKey();
  await files.makeFolder(root.identity);
  await files.sync(root.dir);
  await replaceFile(files, file, Buffer.from(made), 0o600);
  return { key: createPrivateKey(made), isNew: true };
};

/** The unit's name and its key. The root is locked for no longer: `--out` is written with the technician's own rights. */
const keyFor = async (given: string | undefined, root: Root, files: Files) => {
  using _lock = await lockRoot(root);
  return { unit: unitOf(root, given), ...(await keyOf(root, files)) };
};

const REQUEST_FILE = { name: "request", begins: "-----BEGIN CERTIFICATE REQUEST-----" };

const REQUEST = {
  root: { type: "string" },
  unit: { type: "string" },
  out: { type: "string" },
  json: { type: "boolean" },
} as const;

const request = async (args: readonly string[]): Promise<number> => {
  const given = options(args, REQUEST);
  const { root, files } = openRoot(given.root);
  const out = required(given.out, "out");
  const { makeRequest } = await import("../bundle/request.ts");
  expectWritable(out, REQUEST_FILE);
  const { unit, key, isNew } = await keyFor(given.unit, root, files);
  writeOut(out, makeRequest(unit, key));
  const what = isNew ? "a new key, which stays in" : "the key that is in";
  print(
    given.json,
    { unit, out, newKey: isNew },
    `${out}: a request of ${unit} for ${what} ${root.identity}`,
  );
  return EXIT.ok;
};

const readChain = (file: string): readonly X509Certificate[] => {
  const chain = certificatesIn(readGiven(file, TEXT_BYTES).toString("utf8"));
  if (chain) return chain;
  throw new CommandError(EXIT.failed, `${file} is refused: it does not hold a certificate in PEM`);
};

/** What is said of a certificate whose dates could not be checked. Empty: they were. */
const uncheckedDates = (own: X509Certificate | undefined, now: number | undefined): string => {
  if (!own || now !== undefined) return "";
  const wrong = wrongDate(own, Date.now());
  const doubt = wrong === undefined ? "" : ` (by this computer's own clock ${wrong})`;
  return `; whether it is valid today was not checked, because the time is not known${doubt}: run \`patrol-unit doctor\` when the receiver has a fix`;
};

const INSTALL = {
  root: { type: "string" },
  unit: { type: "string" },
  ca: { type: "string" },
  json: { type: "boolean" },
} as const;

const installCertificate = async (args: readonly string[]): Promise<number> => {
  const { value: file, rest } = takeArgument(args, INSTALL, "the certificate CERT");
  const given = options(rest, INSTALL);
  const { root, files } = openRoot(given.root);
  const chain = readChain(file);
  const givenCa = given.ca === undefined ? undefined : readChain(given.ca);
  using _lock = await lockRoot(root);
  const unit = unitOf(root, given.unit ?? unitIn(root));
  const keyFile = keyFileOf(root);
  const bytes = await files.read(keyFile);
  if (!bytes)
    throw new CommandError(
      EXIT.failed,
      `${keyFile} is not there: \`enrol request\` makes the key of this unit`,
    );
  const settings = settingsNow(root);
  const caFile = settings?.dispatch.ca;
  const ca = givenCa ?? (caFile === undefined ? [] : readChain(caFile));
  const now = await trustedTime(settings);
  const refusal = refusalOf(chain, { unit, key: keyIn(keyFile, bytes), ca, now });
  if (refusal !== undefined) throw new CommandError(EXIT.failed, `${file} is refused: ${refusal}`);
  await replaceFile(files, certificateFileOf(root), Buffer.from(chain.map(String).join("")), 0o644);
  const [own] = chain;
  const expiresAt = own?.validToDate.toISOString() ?? "";
  const unchecked = ca.length === 0 ? "; its issuer was not checked: the configuration names no CA" : "";
  print(
    given.json,
    {
      unit,
      expiresAt,
      issuer: own ? issuerOf(own) : "",
      issuerChecked: ca.length > 0,
      datesChecked: now !== undefined,
    },
    `the certificate of ${unit} is installed; it expires on ${expiresAt.slice(0, 10)}${unchecked}${uncheckedDates(own, now)}`,
  );
  return EXIT.ok;
};

export const enrol: Command = {
  summary: "makes the unit's key and request, and installs its certificate",
  usage: `patrol-unit enrol request --root DIR [--unit DIRECTORATE/UNIT] --out FILE.csr [--json]
patrol-unit enrol install CERT --root DIR [--ca CA.pem] [--json]

request makes a P-256 key, which never leaves DIR, and writes a request for its certificate
(PKCS#10); a key that is there is kept, and --out replaces only another request. install checks that
the certificate belongs to that key, to this unit, and to the CA (--ca; left out: dispatch.ca of the
configuration), and that it is valid now. If the time is not known (neither NTP nor the service has
it), it refuses only what expired before this release, and says that it does not know more. CERT may
hold the certificates between it and the CA. A running service uses it at once.
--unit is needed only if neither the configuration nor local.yaml names the unit.
Exit: 0 done, 1 refused, 74 a file cannot be read or written.`,
  async run(args) {
    const [action, ...rest] = args;
    if (action === "request") return request(rest);
    if (action === "install") return installCertificate(rest);
    throw new CommandError(EXIT.usage, "expected request or install after enrol");
  },
};
