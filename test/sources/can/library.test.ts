import { expect, test } from "vitest";
import { missingForNative } from "../../../src/sources/can/library.ts";

const installed = (isThere: boolean) => () => Promise.resolve(isThere);

test.each(["x64", "arm64"])("on %s the native driver needs koffi, and nothing else", async (processor) => {
  expect(await missingForNative(processor, installed(true))).toBeUndefined();
  expect(await missingForNative(processor, installed(false))).toMatchObject({
    says: "the library koffi cannot be loaded",
  });
});

// koffi has a program for these, but the structures of the kernel have another layout there, or nobody has tried.
test.each(["arm", "ia32", "riscv64"])("on %s it is not used, and what helps is said", async (processor) => {
  expect(await missingForNative(processor, installed(true))).toEqual({
    says: `can.driver native knows only x64 and arm64, this processor is ${processor}`,
    cure: "run `npm run can`: socketcan reads the bus then",
  });
});
