import type { Component } from "./component.ts";

/** The copyright file of a package, with the licence of everything in it. Pure. */

const APACHE = /Apache License\s+Version 2\.0/;

/** Debian has these texts (policy 12.5): a package refers to them. */
const referred = ({ licence, text }: Component): string =>
  licence === "Apache-2.0" && APACHE.test(text)
    ? `${text.slice(0, text.search(APACHE)).trim()}\nOn Debian the text is in /usr/share/common-licenses/Apache-2.0.`.trim()
    : text;

/** Components with the same text stand above one copy of it. */
const grouped = (components: readonly Component[]): Map<string, Component[]> => {
  const groups = new Map<string, Component[]>();
  for (const component of components) {
    const text = referred(component);
    groups.set(text, [...(groups.get(text) ?? []), component]);
  }
  return groups;
};

const LINE = "-".repeat(80);

/** One licence, below those that have it. */
const section = (text: string, those: readonly Component[]): string =>
  [
    LINE,
    those.map(({ name, version, licence, where }) => `${name} ${version}, ${licence} [${where}]`).join("\n"),
    "",
    text.replaceAll("\r", ""),
  ].join("\n");

/** The text of /usr/share/doc/PACKAGE/copyright. `components`: in the order in which they are listed. */
export const copyrightText = (name: string, components: readonly Component[]): string =>
  [
    `${name} is licensed under the Apache License, Version 2.0.`,
    "On Debian its text is in /usr/share/common-licenses/Apache-2.0.",
    "",
    "Copyright (c) the authors of patrol-unit",
    "",
    "The package contains the software below. Where it is, is named in brackets.",
    "",
    [...grouped(components)].map(([text, those]) => section(text, those)).join("\n\n"),
    "",
  ].join("\n");
