import { expect, test } from "vitest";
import type { ByteSource } from "../../src/domain/bytes.ts";

/** The far end of a source under test. */
export type Device = AsyncDisposable & {
  readonly source: ByteSource;
  /** Says something once somebody listens. */
  say(text: string): Promise<void>;
  /** Goes away while it is open. */
  vanish(): Promise<void> | void;
};

/** What every ByteSource promises, held on each implementation with a real far end. */
export const byteSourceContract = (name: string, open: () => Promise<Device>, absent: ByteSource): void => {
  const first = async (source: ByteSource, signal: AbortSignal, text: string): Promise<string> => {
    let heard = "";
    for await (const chunk of source(signal)) {
      heard += Buffer.from(chunk).toString("latin1");
      if (heard.length >= text.length) break;
    }
    return heard;
  };

  test(`${name}: gives the bytes as they were said, and again after it was closed`, async () => {
    await using device = await open();
    for (const text of ["$GPTXT,first*00\r\n", "$GPTXT,again*00\r\n"]) {
      const heard = first(device.source, new AbortController().signal, text);
      await device.say(text);
      expect(await heard).toBe(text);
    }
  });

  test(`${name}: ends without an error when it is told to stop`, async () => {
    await using device = await open();
    const stop = new AbortController();
    let ended = "not yet";
    const reading = (async () => {
      for await (const _ of device.source(stop.signal)) stop.abort();
      ended = "quietly";
    })();
    await device.say("anything");
    await reading;
    expect(ended).toBe("quietly");
  });

  test(`${name}: a device that goes away is unplugged, with what to look at`, async () => {
    await using device = await open();
    const reading = (async () => {
      for await (const _ of device.source(new AbortController().signal)) await device.vanish();
    })();
    const outcome = expect(reading).rejects.toMatchObject({ code: "unplugged" });
    await device.say("anything");
    await outcome;
  });

  test(`${name}: a device that is not there is absent`, async () => {
    await expect(first(absent, new AbortController().signal, "x")).rejects.toMatchObject({ code: "absent" });
  });
};
