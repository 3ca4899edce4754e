import { createHash } from "node:crypto";
import { outcomeOf, titleOf } from "../../commissioning/words.ts";
import { resultLine, type CommissioningReport, type StepReport } from "../../domain/commissioning.ts";

/** A signed report as a page to print: one file, without script and without anything from elsewhere. */

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (letter) => ENTITIES[letter] ?? "");

const STYLE = `
body { font: 11pt/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em; color: #111; background: #fff }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #bbb; padding: 0.3em 0.6em 0.3em 0; text-align: left; vertical-align: top }
td:nth-child(2), td:nth-child(3) { overflow-wrap: anywhere }
.fail td { font-weight: bold }
.sign { border-top: 1px solid #111; margin-top: 4em; width: 20em }
code { font-size: 9pt; overflow-wrap: anywhere }
@page { margin: 15mm }
tr { break-inside: avoid }
`;
const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

const row = (name: string, value: string): string =>
  `<tr><th scope="row">${escaped(name)}</th><td>${escaped(value)}</td></tr>`;

const stepRow = (step: StepReport): string => {
  const figures = Object.entries(step.figures ?? {}).map(([name, value]) => `${name} ${value}`);
  const detail = [...(step.reason === undefined ? [] : [step.reason]), ...figures].join(", ");
  const cells = [
    outcomeOf({ state: step.outcome, cause: step.cause }),
    titleOf(step),
    detail,
    `${step.endedS} s`,
  ];
  return `<tr class="${step.outcome}">${cells.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`;
};

const facts = (report: CommissioningReport): readonly (readonly [string, string])[] => {
  const { software, firmware, vss } = report.versions;
  const { version, signer, sha256 } = report.configuration;
  const origin =
    version === undefined ? "" : `version ${version}${signer === undefined ? "" : ` by ${signer}`}, `;
  return [
    ["Unit", report.unit],
    ["Result", resultLine(report)],
    ["When", `${report.at} (clock: ${report.clock}), in ${report.seconds} s`],
    ["Technician", report.technician],
    ["Report", `${report.id}; store ${report.store}, boot ${report.boot}`],
    ["Versions", `software ${software}, panic board ${firmware ?? "none"}, VSS ${vss}`],
    ["Configuration", `${origin}sha256 ${sha256}`],
    [
      "Limits",
      `fix within ${report.limits.accuracyM} m for ${report.limits.holdS} s; certificate valid for ${report.limits.certificateDays} days`,
    ],
  ];
};

/** `sha256`: of the signed report; `kid`: the thumbprint of the key that signed it. */
export const reportPage = (report: CommissioningReport, sha256: string, kid: string): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${STYLE_HASH}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Commissioning of ${escaped(report.unit)}: ${escaped(report.result)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Commissioning of ${escaped(report.unit)}: ${escaped(report.result)}</h1>
<table>
${facts(report)
  .map(([name, value]) => row(name, value))
  .join("\n")}
</table>
<h2>Steps</h2>
<table>
<thead><tr><th scope="col">Result</th><th scope="col">Step</th><th scope="col">Details</th><th scope="col">After</th></tr></thead>
<tbody>
${report.steps.map(stepRow).join("\n")}
</tbody>
</table>
<p class="sign">${escaped(report.technician)}</p>
<p>This page is a copy. What counts is the signed report of the same number, sha256 <code>${escaped(sha256)}</code>, signed by key
<code>${escaped(kid)}</code>: <code>patrol-unit commission verify FILE --ca CA</code> checks it.</p>
</body>
</html>
`;
