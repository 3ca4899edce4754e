import { valueAt } from "../../settings/explain.ts";
import { faultText } from "../../settings/fault.ts";
import { documentOf, type ConfigSource, type Configuration } from "../../settings/load.ts";
import type { ActiveFault } from "../../domain/snapshot.ts";
import { remedyOfFault } from "../lib/active-fault.ts";
import { trouble, warning, type Finding } from "./finding.ts";
import type { Service } from "./service.ts";

/** A warning about a file of the link, with the place where the configuration names the file. */
const placed = (source: string | ConfigSource, text: string): string => {
  const key = /^dispatch\.(ca|cert|key): /.exec(text)?.[1];
  if (key === undefined) return text;
  const document = documentOf(source);
  // The files of the identity folder are named by no configuration.
  if (valueAt(document.value, ["dispatch", key]) === undefined) return text;
  const { file: where, line, column } = document.placeOf(["dispatch", key]);
  return `${where}:${line}:${column}: ${text}`;
};

/** Faults of the file with which the service was started, which is another one now. */
const olderFaults = ({ faults, config }: Service, { sha256 }: Configuration): readonly ActiveFault[] =>
  config === undefined || config === sha256 ? [] : faults;

/** What is wrong with the configuration file, and with the older one that a service runs with. */
export const configFindings = (
  source: string | ConfigSource,
  configuration: Configuration,
  service: Service | undefined,
): Finding[] => {
  const { warnings, doubts, faults } = configuration;
  const found = [
    ...warnings.map((text) =>
      text.startsWith("dispatch.")
        ? trouble("config", placed(source, text), "put the file there")
        : warning("config", text),
    ),
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
