import { expect, test } from "vitest";
import { openHarness } from "../simulation/network-bench.ts";

const OPTIONS = { username: "zrenjanin/zr-117", keepaliveS: 20, patient: true, hurried: true };
const SILENT = { message: () => Promise.resolve(), accepted: () => undefined, oversize: () => undefined };

// A courier learns from the refusal that it must use the client id of the link. It learnt it after 30 s (seed 146386910).
test("a refusal by one address is known within 5 s, though another address never answers", async () => {
  for (const addresses of [
    [false, true],
    [true, false],
  ]) {
    const h = openHarness({ refusesCouriers: "unauthorised" }, addresses);
    const options = { ...OPTIONS, clientId: "zrenjanin.zr-117.courier" };
    const dialled = h.network.connect("mqtts://a:8883", options, SILENT, new AbortController().signal);
    // oxlint-disable-next-line no-await-in-loop -- one world after the other
    await expect(h.settle(dialled)).rejects.toMatchObject({ code: "unauthorised" });
    expect(h.time.mono()).toBeLessThan(5_000);
  }
});

test("with patience, a handshake over a link of 500 B/s with 2 s each way is waited for", async () => {
  const dialled = async (patient: boolean) => {
    const h = openHarness();
    h.network.change(h.route, { bytesPerS: 500, latencyMs: 2_000 });
    const options = { ...OPTIONS, patient, hurried: false, clientId: "zrenjanin.zr-117" };
    return h.settle(h.network.connect("mqtts://a:8883", options, SILENT, new AbortController().signal));
  };
  await expect(dialled(false)).rejects.toMatchObject({ code: "timeout" });
  expect((await dialled(true)).broker).toBe("mqtts://a:8883");
});
