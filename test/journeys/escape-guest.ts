import { spawn } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import koffi from "koffi";
import { tellHost } from "./guest.ts";

/** Inside the guest: tries what a service that somebody has taken over would try, and tells how each attempt ended. */

const libc = koffi.load("libc.so.6");
const syscall = libc.func("long syscall(long number, long a, long b, long c, long d, long e)");
/** x86-64: https://elixir.bootlin.com/linux/v6.1/source/arch/x86/entry/syscalls/syscall_64.tbl */
const CALL = {
  socket: 41,
  ptrace: 101,
  setuid: 105,
  mount: 165,
  reboot: 169,
  sethostname: 170,
  initModule: 175,
  clockSettime: 227,
  unshare: 272,
  bpf: 321,
} as const;
const [AF_INET, AF_PACKET, SOCK_RAW] = [2, 17, 3];
const PTRACE_SEIZE = 0x4206;
const CLONE_NEWUSER = 0x1000_0000;

/** "allowed", or the error. */
const tried = (attempt: () => void): string => {
  try {
    attempt();
    return "allowed";
  } catch (cause) {
    return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  }
};

const call = (name: keyof typeof CALL, ...args: number[]): string => {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
  if (Number(syscall(CALL[name], a, b, c, d, e)) >= 0) return "allowed";
  const errno = koffi.errno();
  return Object.entries(koffi.os.errno).find(([, code]) => code === errno)?.[0] ?? String(errno);
};

const child = spawn("/bin/sleep", ["60"], { stdio: "ignore" });
const results = {
  "write into a folder that is open to all": tried(() => writeFileSync("/open/file", "")),
  "write below /etc": tried(() => writeFileSync("/etc/escape", "")),
  "open another device that is open to all": tried(() => closeSync(openSync("/dev/loose", "r+"))),
  "open the kernel's log": tried(() => closeSync(openSync("/dev/kmsg", "r"))),
  "open a raw socket": call("socket", AF_INET, SOCK_RAW, 1),
  "open a packet socket": call("socket", AF_PACKET, SOCK_RAW, 0),
  "trace another process of the same user": call("ptrace", PTRACE_SEIZE, child.pid!),
  "make a user namespace": call("unshare", CLONE_NEWUSER),
  "become root": call("setuid", 0),
  "load a module": call("initModule"),
  mount: call("mount"),
  reboot: call("reboot"),
  "set the host's name": call("sethostname"),
  "set the clock": call("clockSettime"),
  "load a program into the kernel": call("bpf"),
};
child.kill();
tellHost(process.argv[2] ?? "", results);
