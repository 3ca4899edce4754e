import { join } from "node:path";
import { replaceFile, type Files } from "../../bundle/port.ts";
import type { Root } from "../../settings/root.ts";

/** The reports that are kept on the unit: `commissioning/NNNN.jws`, and `NNNN.html` to print. */

/** Reports that are kept; the oldest goes. */
export const KEPT_MAX = 16;
/** A report names a person: owner and group only. */
const MODE = 0o640;
const NAME = /^(\d{4,6})\.(?:jws|html)$/;

/** The folder of the reports. */
export const reportFolder = ({ dir }: Root): string => join(dir, "commissioning");

const nameOf = (number: number): string => String(number).padStart(4, "0");

const numbersIn = async (files: Files, folder: string): Promise<number[]> => {
  const numbers = (await files.list(folder)).map(({ name }) => Number(NAME.exec(name)?.[1] ?? 0));
  return [...new Set(numbers)].filter((number) => number > 0).toSorted((a, b) => a - b);
};

/** The number of the next report. The root must be locked until it is kept. */
export const nextNumber = async (root: Root, files: Files): Promise<number> =>
  ((await numbersIn(files, reportFolder(root))).at(-1) ?? 0) + 1;

export type Kept = { readonly signed: string; readonly page: string };

/** Writes a report and its page, each complete or not at all. Returns their files. Removes what is beyond the limit. */
export const keep = async (
  root: Root,
  files: Files,
  number: number,
  report: { readonly signed: string; readonly page: string },
): Promise<Kept> => {
  const folder = reportFolder(root);
  await files.makeFolder(folder);
  await files.sync(root.dir);
  const at = (extension: string): string => join(folder, `${nameOf(number)}.${extension}`);
  await replaceFile(files, at("html"), Buffer.from(report.page), MODE);
  await replaceFile(files, at("jws"), Buffer.from(report.signed), MODE);
  for (const old of (await numbersIn(files, folder)).slice(0, -KEPT_MAX))
    for (const extension of ["html", "jws"])
      // oxlint-disable-next-line no-await-in-loop -- a few files
      await files.remove(join(folder, `${nameOf(old)}.${extension}`));
  return { signed: at("jws"), page: at("html") };
};

/** The page of a report to print. Undefined: none is kept under this number. */
export const readPage = (root: Root, files: Files, number: number): Promise<Buffer | undefined> =>
  files.read(join(reportFolder(root), `${nameOf(number)}.html`));
