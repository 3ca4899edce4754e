import { certificatesIn, issuerOf } from "../../bundle/certificate.ts";
import { issuerRefusal, openReport, type SignedReport } from "../../bundle/signed-report.ts";
import { resultLine, SIGNED_BYTES, type StepReport } from "../../domain/commissioning.ts";
import { titleOf } from "../../commissioning/words.ts";
import { TEXT_BYTES } from "../../settings/files.ts";
import { CommandError, EXIT, options, required, takeArgument } from "../lib/command.ts";
import { readGiven } from "../lib/read-given.ts";
import { printable } from "./printable.ts";

/** `commission verify`: whether a report is one, and what it says. Needs nothing but the file and the CA. */

const OPTIONS = { ca: { type: "string" }, json: { type: "boolean" } } as const;

const stepLine = (step: StepReport): string => {
  const word = step.outcome === "not-fitted" ? (step.cause ?? step.outcome) : step.outcome;
  return `${word.padEnd(16)}${titleOf(step)}${step.reason === undefined ? "" : `: ${step.reason}`}`;
};

const linesOf = ({ report, chain, sha256 }: SignedReport): string => {
  const issuer = chain[0] ? issuerOf(chain[0]) : "";
  return [
    `valid: signed by ${report.unit}, whose certificate is from ${issuer}`,
    resultLine(report),
    `report ${report.id} of ${report.at} (clock ${report.clock}), technician ${report.technician}`,
    `configuration ${report.configuration.sha256}; sha256 of the report ${sha256}`,
    ...report.steps.map(stepLine),
  ]
    .map((line) => `${printable(line)}\n`)
    .join("");
};

/** Exit 0: the report is valid, whatever its result; 1: it is not. */
export const verifyReport = async (args: readonly string[]): Promise<number> => {
  const { value: file, rest } = takeArgument(args, OPTIONS, "the report FILE");
  const given = options(rest, OPTIONS);
  const caFile = required(given.ca, "ca");
  const ca = certificatesIn(readGiven(caFile, TEXT_BYTES).toString("utf8"));
  if (!ca) throw new CommandError(EXIT.failed, `${caFile} does not hold a certificate in PEM`);
  const opened = await openReport(readGiven(file, SIGNED_BYTES).toString("latin1").trim());
  const refused = "refused" in opened ? opened.refused : issuerRefusal(opened, ca);
  if (refused !== undefined || "refused" in opened)
    throw new CommandError(EXIT.failed, `${file} is not valid: ${refused}`);
  const { report, sha256, kid } = opened;
  process.stdout.write(
    given.json ? `${JSON.stringify({ valid: true, sha256, kid, report })}\n` : linesOf(opened),
  );
  return EXIT.ok;
};
