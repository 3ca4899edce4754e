import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A real mosquitto on a port of its own. */
export type Mosquitto = AsyncDisposable & {
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  start(): Promise<void>;
  /** SIGTERM and wait: sessions and retained messages are kept on disk. */
  stop(): Promise<void>;
  /** SIGSTOP and SIGCONT: the kernel goes on taking bytes, the broker answers nothing. */
  freeze(): void;
  thaw(): void;
};

const MOSQUITTO = ["/usr/sbin/mosquitto", "mosquitto"];

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
};

/** Whether anybody listens on a port. */
export const answers = async (port: number): Promise<boolean> => {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

/**
 * `extra` goes below the listener: TLS, access rules. Without a limit of queued messages, mosquitto 2.0
 * ends a connection after it has refused a publish.
 */
export const startMosquitto = async (extra = "allow_anonymous true", secure = false): Promise<Mosquitto> => {
  const folder = mkdtempSync(join(tmpdir(), "mosquitto-"));
  // Started as root, mosquitto becomes its own user, which must read and keep its files here.
  chmodSync(folder, 0o777);
  const port = await freePort();
  const conf = join(folder, "mosquitto.conf");
  writeFileSync(
    conf,
    `per_listener_settings true
persistence true
persistence_location ${folder}/
max_queued_messages 1000000
max_inflight_messages 0
listener ${port} 127.0.0.1
${extra.replaceAll("FOLDER", folder)}
`,
  );
  let child: ChildProcess | undefined;
  const self: Mosquitto = {
    port,
    url: `${secure ? "mqtts" : "mqtt"}://localhost:${port}`,
    folder,
    async start() {
      for (const command of MOSQUITTO) {
        child = spawn(command, ["-c", conf], { stdio: "ignore", cwd: folder });
        const failed = once(child, "error").then(() => "missing");
        const up = (async () => {
          for (let i = 0; i < 100; i++) {
            if (await answers(port)) return "up";
            await sleep(50);
          }
          return "silent";
        })();
        const outcome = await Promise.race([failed, up]);
        if (outcome === "up") return;
        if (outcome === "silent") throw new Error("mosquitto does not answer");
      }
      throw new Error("mosquitto is missing: run test/setup-debian.sh");
    },
    async stop() {
      if (!child || child.exitCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGCONT");
      child.kill("SIGTERM");
      await gone;
    },
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    async [Symbol.asyncDispose]() {
      await self.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return self;
};

/** A CA, a broker certificate for localhost and a client certificate with this CN. */
export const makeCertificates = (folder: string, commonName: string): void => {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const key = (name: string) =>
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`);
  const signed = (name: string, subject: string, extension: string) => {
    key(name);
    writeFileSync(join(folder, `${name}.ext`), extension);
    openssl("req", "-new", "-key", `${name}.key`, "-subj", subject, "-out", `${name}.csr`);
    openssl(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-days",
      "2",
      "-extfile",
      `${name}.ext`,
      "-out",
      `${name}.pem`,
    );
  };
  key("ca");
  openssl("req", "-x509", "-new", "-key", "ca.key", "-days", "2", "-subj", "/CN=test ca", "-out", "ca.pem");
  signed("broker", "/CN=localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1");
  // A slash in a name: openssl wants it escaped.
  signed("unit", `/CN=${commonName.replaceAll("/", "\\/")}`, "extendedKeyUsage=clientAuth");
  execFileSync("chmod", ["-R", "a+rX", folder]);
  execFileSync("sh", ["-c", "chmod a+r *.key"], { cwd: folder });
};
