import { expect, test } from "vitest";
import { openHarness } from "../simulation/network-bench.ts";

const OPTIONS = { username: "zrenjanin/zr-117", keepaliveS: 20, patient: true, hurry: AbortSignal.abort() };
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
    const options = {
      ...OPTIONS,
      patient,
      hurry: new AbortController().signal,
      clientId: "zrenjanin.zr-117",
    };
    return h.settle(h.network.connect("mqtts://a:8883", options, SILENT, new AbortController().signal));
  };
  await expect(dialled(false)).rejects.toMatchObject({ code: "timeout" });
  expect((await dialled(true)).broker).toBe("mqtts://a:8883");
});

test.each([
  { waitsAt: 1_000, atMost: 5_000 },
  { waitsAt: 8_000, atMost: 8_100 },
])(
  "an answer to CONNECT is awaited for 4.5 s once an emergency waits at $waitsAt ms",
  async ({ waitsAt, atMost }) => {
    const h = openHarness();
    let asked = 0;
    // TLS is answered, CONNECT is not.
    Object.defineProperty(h.broker.faults, "hangs", { get: () => ++asked > 1 });
    const hurry = new AbortController();
    const options = { ...OPTIONS, hurry: hurry.signal, clientId: "zrenjanin.zr-117.courier" };
    const dialled = h.network.connect("mqtts://a:8883", options, SILENT, new AbortController().signal);
    h.time.after(waitsAt, () => hurry.abort());
    await expect(h.settle(dialled, 60_000)).rejects.toMatchObject({ code: "timeout" });
    expect(h.time.mono()).toBeGreaterThanOrEqual(Math.max(waitsAt, 4_500));
    expect(h.time.mono()).toBeLessThan(atMost);
  },
);

test("a broker that was silent for long and then refuses MQTT 5 is asked with 3.1.1 at once, though another address is away", async () => {
  const h = openHarness({ version: 4 }, [false, true]);
  h.broker.faults.hangs = true;
  h.time.after(7_900, () => (h.broker.faults.hangs = false));
  const options = { ...OPTIONS, clientId: "zrenjanin.zr-117.courier" };
  const dialled = h.network.connect("mqtts://a:8883", options, SILENT, new AbortController().signal);
  expect((await h.settle(dialled, 60_000)).version).toBe(4);
  expect(h.time.mono()).toBeLessThan(13_000);
});
