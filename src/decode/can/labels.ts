import type { DbcSignal } from "../dbc/database.ts";

/**
 * What the labels of a database (VAL_) say about whether a raw value is a reading. Makers label the codes
 * for "no value" beside the states, in English and German, and often within the range of the signal.
 */

/** `ü` as `ue`, because databases are often ASCII. */
const FOLDED: Readonly<Record<string, string>> = { ä: "ae", ö: "oe", ü: "ue", ß: "ss" };

/** The words of a label: `SignalNotAvailable_2` is "signal", "not", "available". */
const wordsOf = (label: string): readonly string[] =>
  label
    .replace(/(\p{Ll})(?=\p{Lu})/gu, "$1 ")
    .toLowerCase()
    .replace(/[äöüß]/g, (letter) => FOLDED[letter]!)
    .split(/[^a-z]+/)
    .filter((word) => word !== "");

const NO_VALUE =
  /^(sna|unavailable|invalid|undef(ined)?|unknown|reserved|init(iali[sz](ing|ation))?|uninitiali[sz]ed|ungueltig\w*|unbekannt|undefiniert|reserviert|initialisierung|initialwert)$/;
const FAULTY = /^(err(or)?|fault(y|ed)?|fail(ed|ure)?|defect(ive)?|defekt|\w*fehler|\w*stoerung)$/;
const NEGATION = /^(no|not|non|without|nicht|kein|keine|ohne)$/;
/** What a label denies to say that there is no value. */
const DENIED =
  /^(available|avail|valid|defined|known|supported|installed|initiali[sz]ed|signal|data|value|verfuegbar|gueltig|definiert|verbaut|wert|daten)$/;
const ABBREVIATION = /^n\/?a$/i;

/** Whether a label says that there is no value: "SNA", "not available", "invalid", "error", "init". */
export const saysUnavailable = (label: string): boolean => {
  const words = wordsOf(label);
  return (
    ABBREVIATION.test(label.trim()) ||
    words.some((word, at) => {
      const denied = at > 0 && NEGATION.test(words[at - 1]!);
      // "no error" is a reading.
      return NO_VALUE.test(word) || (denied ? DENIED.test(word) : FAULTY.test(word));
    })
  );
};

/** Labels that say yes whatever the flag is. "open" is no such label: a lock that is open is not locked. */
const AFFIRMATIVE = /^(on|yes|true|active|activated|enabled|ein|an|ja|aktiv|[+-]?\d+)$/i;

/** Whether a signal has more values than 0 and 1. */
export const isWide = ({ length, minimum, maximum, factor }: DbcSignal): boolean =>
  length > 1 && !(minimum === 0 && maximum === 1 && factor === 1);

/** Raw values, as decimals, of a signal's labels that say that there is no value. */
const unavailableIn = ({ labels }: DbcSignal): ReadonlySet<string> =>
  new Set([...labels].filter(([, label]) => saysUnavailable(label)).map(([raw]) => raw));

type IsReading = (raw: string) => boolean;

/**
 * Which raw values of a number are readings. Undefined: all of them. A raw value is given in decimal. The labels of a
 * one-bit signal name its two states.
 */
export const readingsOfNumber = (signal: DbcSignal): IsReading | undefined => {
  const unavailable = unavailableIn(signal);
  if (signal.length === 1 || unavailable.size === 0) return undefined;
  return (raw) => !unavailable.has(raw);
};

/**
 * The same for a flag without `map`. 0 and 1 are its two states, whatever their labels, unless a label says
 * "not available". If the signal has labels, any other value is a reading only if its label means yes. A value
 * labelled "error", or without a label, is none.
 */
export const readingsOfFlag = (signal: DbcSignal): IsReading | undefined => {
  const { labels } = signal;
  const unavailable = unavailableIn(signal);
  if (!isWide(signal) || labels.size === 0)
    return unavailable.size === 0 ? undefined : (raw) => !unavailable.has(raw);
  const states = new Set(
    [...labels].filter(([, label]) => AFFIRMATIVE.test(label.trim())).map(([raw]) => raw),
  );
  return (raw) => !unavailable.has(raw) && (raw === "0" || raw === "1" || states.has(raw));
};
