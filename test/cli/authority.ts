import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** `from`: the name of the certificate that signs; left out: the CA. */
type Signing = { readonly days?: number; readonly extensions?: string; readonly from?: string };

/** Signs a request with the CA of a folder (`ca.pem`, `ca.key`). Returns the certificate's file. */
export const signRequest = (
  folder: string,
  request: string,
  name: string,
  { days = 2, extensions = "extendedKeyUsage=clientAuth", from = "ca" }: Signing = {},
): string => {
  writeFileSync(join(folder, `${name}.ext`), extensions);
  const issuer = ["-CA", `${from}.pem`, "-CAkey", `${from}.key`, "-CAcreateserial"];
  const made = ["-days", `${days}`, "-extfile", `${name}.ext`, "-out", `${name}.pem`];
  execFileSync("openssl", ["x509", "-req", "-in", request, ...issuer, ...made], {
    cwd: folder,
    stdio: "pipe",
  });
  return join(folder, `${name}.pem`);
};

/** A small CA, by openssl. */
export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), "authority-"));

  constructor(name = "test ca") {
    this.#key("ca");
    this.#openssl(
      "req",
      "-x509",
      "-new",
      "-key",
      "ca.key",
      "-days",
      "20",
      "-subj",
      `/CN=${name}`,
      "-out",
      "ca.pem",
    );
  }

  at(file: string): string {
    return join(this.folder, file);
  }

  /** Signs a request. Returns the certificate's file. */
  sign(request: string, name: string, options: Signing = {}): string {
    return signRequest(this.folder, request, name, options);
  }

  /** A request with a key of its own, `NAME.key`. */
  request(name: string, commonName: string): string {
    this.#key(name);
    const subject = `/CN=${commonName.replaceAll("/", String.raw`\/`)}`;
    this.#openssl("req", "-new", "-key", `${name}.key`, "-subj", subject, "-out", `${name}.csr`);
    return this.at(`${name}.csr`);
  }

  #key(name: string): void {
    this.#openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`);
  }

  #openssl(...args: string[]): void {
    execFileSync("openssl", args, { cwd: this.folder, stdio: "pipe" });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
