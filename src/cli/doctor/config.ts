import { readFileSync } from "node:fs";
import { readDocument } from "../../settings/document.ts";
import { faultText } from "../../settings/fault.ts";
import type { Configuration } from "../../settings/load.ts";
import { textOf } from "../../settings/text.ts";
import { remedyOfFault, type ActiveFault } from "../lib/active-fault.ts";
import { trouble, type Finding } from "./finding.ts";
import type { Service } from "./service.ts";

/** A warning about a file of the link, with the place where the configuration names the file. */
const placed = (file: string, text: string): string => {
  const key = /^dispatch\.(ca|cert|key): /.exec(text)?.[1];
  if (key === undefined) return text;
  const document = readDocument(textOf(readFileSync(file), file).text, file);
  const { file: where, line, column } = document.placeOf(["dispatch", key]);
  return `${where}:${line}:${column}: ${text}`;
};

/** Faults of the file with which the service was started, which is another one now. */
const olderFaults = ({ faults, config }: Service, { sha256 }: Configuration): readonly ActiveFault[] =>
  config === undefined || config === sha256 ? [] : faults;

/** What is wrong with the configuration file, and with the older one that a service runs with. */
export const configFindings = (
  file: string,
  configuration: Configuration,
  service: Service | undefined,
): Finding[] => {
  const { warnings, doubts, faults } = configuration;
  const found = [
    ...warnings.map((text) => trouble("config", placed(file, text), "put the file there")),
    ...doubts.map((doubt) => trouble("config", doubt, "check the signal map and the database")),
    ...faults.map(({ remedy = "correct it", ...fault }) => trouble("config", faultText(fault), remedy)),
  ];
  const older = service ? olderFaults(service, configuration) : [];
  return [
    ...found,
    ...older.flatMap(({ part, code, detail }) => {
      const cure = remedyOfFault(part, code);
      return cure === undefined || found.some(({ says }) => says === detail)
        ? []
        : [trouble("config", `in the service's older file: ${detail}`, cure)];
    }),
  ];
};
