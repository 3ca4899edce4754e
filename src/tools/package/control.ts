import { createHash } from "node:crypto";
import type { Architecture, Product } from "./product.ts";

/** The control files of a package (deb-control(5)). */

/** A file as it is staged. `bytes`: undefined for a link. */
export type Staged = { readonly path: string; readonly bytes: Uint8Array | undefined };

/** The size in KiB that dpkg shows: each file rounded up, 1 for a link or folder (policy 5.6.20). */
export const installedSize = (files: readonly Staged[], folders: number): number =>
  files.reduce((sum, { bytes }) => sum + (bytes ? Math.ceil(bytes.length / 1024) : 1), folders);

const MAINTAINER = "Patrol unit maintainers <patrol-unit@police.invalid>";

export const controlText = (
  product: Product,
  version: string,
  architecture: Architecture,
  sizeKiB: number,
): string => {
  const [summary, ...lines] = product.description;
  return [
    `Package: ${product.name}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${MAINTAINER}`,
    `Installed-Size: ${sizeKiB}`,
    `Depends: ${product.depends.join(", ")}`,
    `Suggests: ${product.suggests.join(", ")}`,
    // Both have the command `patrol-unit`. A car is no server of dispatch.
    `Conflicts: ${product.conflicts}`,
    "Section: misc",
    "Priority: optional",
    `Description: ${summary}`,
    ...lines.map((line) => (line === "" ? " ." : ` ${line}`)),
    "",
  ].join("\n");
};

/** `md5sums`: dpkg --verify compares the files with it. */
export const md5sums = (files: readonly Staged[]): string =>
  files
    .flatMap(({ path, bytes }) =>
      bytes ? [`${createHash("md5").update(bytes).digest("hex")}  ${path}\n`] : [],
    )
    .join("");

/** The changelog that policy 12.7 requires. `at`: seconds since 1970. */
export const changelog = (product: Product, version: string, at: number): string =>
  [
    `${product.name} (${version}) stable; urgency=medium`,
    "",
    `  * Release ${version}.`,
    "",
    ` -- ${MAINTAINER}  ${new Date(at * 1000).toUTCString().replace("GMT", "+0000")}`,
    "",
  ].join("\n");
