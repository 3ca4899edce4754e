import { createLog } from "../../src/runtime/log.ts";
import { openStdoutLog } from "../../src/runtime/log-output.ts";

/** A program whose log nobody reads for a while: writes lines, says what it weighs, writes one more line when asked, and lives until its parent disconnects. */
const LINES = 200_000;
const PADDING = "x".repeat(200);
const output = openStdoutLog();
const log = createLog((line) => output.write(line));
for (let n = 0; n < LINES; n++) log.info("flood", { n, padding: PADDING });
process.send?.({ lines: LINES, rss: process.memoryUsage.rss() });
process.on("message", () => log.info("last"));
