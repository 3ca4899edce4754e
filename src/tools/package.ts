import { statSync } from "node:fs";
import { parseArgs } from "node:util";
import { buildPackage, commitTime } from "./package/build.ts";
import { ARCHITECTURES, PRODUCTS } from "./package/product.ts";

/** `npm run package`: makes the Debian packages in dist/. The pages must be built. */

const { values } = parseArgs({
  options: {
    /** Only this architecture. */
    arch: { type: "string" },
    /** Only this package. */
    only: { type: "string" },
    /** The folder for the packages. */
    out: { type: "string", default: "dist" },
    /** Does not compress: for tests. */
    fast: { type: "boolean", default: false },
  },
});

const MIB = 1024 * 1024;
/** A car downloads it over a mobile link, and an old one is kept beside it. */
const LIMIT_BYTES = 30 * MIB;

const at = commitTime(process.env);
for (const product of PRODUCTS.filter(({ name }) => values.only === undefined || name === values.only)) {
  for (const architecture of ARCHITECTURES.filter(
    (one) => values.arch === undefined || one === values.arch,
  )) {
    const compression = values.fast ? "none" : "xz";
    // oxlint-disable-next-line no-await-in-loop -- packing uses all cores
    const file = await buildPackage({ product, architecture, compression, out: values.out, at });
    const { size } = statSync(file);
    process.stdout.write(`${file}: ${(size / MIB).toFixed(1)} MiB\n`);
    if (compression === "xz" && size > LIMIT_BYTES) {
      process.stderr.write(`${file} is larger than ${LIMIT_BYTES / MIB} MiB\n`);
      process.exitCode = 1;
    }
  }
}
