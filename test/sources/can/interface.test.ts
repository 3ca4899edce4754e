import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { busModeOf, readBusMode, refusalOf, type BusMode } from "../../../src/sources/can/interface.ts";

/** What `ip -details -json link show` of iproute2 6.1 printed, on Linux 6.1 (the last: on 5.10). */
const common = `"flags":["NOARP","UP","LOWER_UP"],"mtu":16,"qdisc":"noop","operstate":"UP","group":"default","txqlen":10`;
const RECORDED = {
  vcan: `[{"ifindex":2,"ifname":"vcan0",${common},"link_type":"can","promiscuity":0,"linkinfo":{"info_kind":"vcan"},"num_tx_queues":1}]`,
  vxcan: `[{"ifindex":4,"link":"vxcan1","ifname":"vxcan0",${common},"link_type":"can","linkinfo":{"info_kind":"vxcan"},"num_tx_queues":1}]`,
  listening: `[{"ifindex":3,"ifname":"can0",${common},"link_type":"can","linkinfo":{"info_kind":"can","info_data":{"ctrlmode":["LISTEN-ONLY","BERR-REPORTING"],"ctrlmode_supported":["LOOPBACK","LISTEN-ONLY","BERR-REPORTING"],"state":"ERROR-ACTIVE","restart_ms":1000,"bittiming":{"bitrate":500000,"sample_point":"0.875","tq":125},"clock":8000000}},"parentbus":"spi","parentdev":"spi0.0"}]`,
  active: `[{"ifindex":3,"ifname":"can0",${common},"link_type":"can","linkinfo":{"info_kind":"can","info_data":{"ctrlmode_supported":["LOOPBACK","LISTEN-ONLY","BERR-REPORTING"],"state":"ERROR-ACTIVE","restart_ms":0,"bittiming":{"bitrate":500000,"sample_point":"0.875","tq":125},"clock":8000000}},"parentbus":"spi","parentdev":"spi0.0"}]`,
  slcan: `[{"ifindex":2,"ifname":"slcan0",${common},"link_type":"can","linkinfo":{"info_kind":"can","info_data":{"ctrlmode_supported":["LISTEN-ONLY"],"state":"STOPPED","restart_ms":0,"bittiming_bitrate":0,"bitrate_const":[10000,500000,1000000],"clock":0}},"num_tx_queues":1}]`,
  slcanListening: `[{"ifindex":2,"ifname":"slcan0",${common},"link_type":"can","linkinfo":{"info_kind":"can","info_data":{"ctrlmode":["LISTEN-ONLY"],"ctrlmode_supported":["LISTEN-ONLY"],"state":"STOPPED","restart_ms":0,"bittiming_bitrate":500000,"bitrate_const":[10000,500000,1000000],"clock":0}}}]`,
  slcanOld: `[{},{},{"ifindex":5,"ifname":"slcan0",${common},"link_type":"can","promiscuity":0,"min_mtu":0,"max_mtu":0,"num_tx_queues":1}]`,
  loopback: `[{"ifindex":1,"ifname":"lo",${common},"link_type":"loopback","address":"00:00:00:00:00:00"}]`,
} as const;

test.each([
  ["vcan", "virtual"],
  ["vxcan", "virtual"],
  ["listening", "listen-only"],
  ["active", "active"],
  ["slcan", "active"],
  ["slcanListening", "listen-only"],
  ["slcanOld", "not-stated"],
  ["loopback", "no-can"],
] as const)("the mode of %s is %s", (recorded, mode) => {
  expect(busModeOf(RECORDED[recorded])).toBe(mode);
});

test.each(["", "[]", "[{}]", "{}", `[{"link_type":1}]`])("what is no answer of ip throws: %s", (text) => {
  expect(() => busModeOf(text)).toThrow();
});

describe("an interface", () => {
  test.each<[BusMode, boolean, string | undefined]>([
    ["listen-only", false, undefined],
    ["virtual", false, undefined],
    ["active", false, "not-listen-only"],
    ["not-stated", false, "not-listen-only"],
    ["active", true, "not-listen-only"],
    ["not-stated", true, undefined],
    ["no-can", true, "failed"],
  ])("that is %s (declared: %s) is refused with %s", (mode, declared, code) => {
    expect(refusalOf("can0", mode, declared)?.code).toBe(code);
  });

  test("that is refused is told with the remedy, in one line", () => {
    expect(refusalOf("can0", "active", false)!.message).toBe(
      "can0 is not in listen-only mode, so it may disturb the car's bus: ip link set can0 down && ip link set can0 type can listen-only on && ip link set can0 up; an slcan adapter opened in listen-only mode needs can.listenOnly: declared",
    );
  });
});

describe("the mode is asked of ip", () => {
  const withIp = async (script: string) => {
    const folder = mkdtempSync(join(tmpdir(), "ip-"));
    try {
      writeFileSync(join(folder, "ip"), `#!/bin/sh\n${script}\n`);
      chmodSync(join(folder, "ip"), 0o755);
      return await readBusMode("can0", { PATH: `${folder}:/usr/bin:/bin` });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  test("with the interface's name", async () => {
    const script = `[ "$*" = "-details -json link show can0" ] && echo '${RECORDED.listening}'`;
    expect(await withIp(script)).toBe("listen-only");
  });

  test.each([
    ["fails", "echo 'Device can0 does not exist.' >&2; exit 1"],
    ["prints something else", "echo hello"],
  ])("and one that %s is a fault, never a permission", async (_, script) => {
    await expect(withIp(script)).rejects.toMatchObject({
      code: "failed",
      message: expect.stringContaining("whether can0 only listens cannot be read") as string,
    });
  });
});
