import { useViewer } from "./viewer.tsx";

/** Numbers and spans in the form of the viewer's language. */
export type Format = {
  /** With exactly `digits` decimals. */
  readonly number: (value: number, digits?: number) => string;
  /** With a unit's symbol after a space that does not break; degrees of an angle have none (SI brochure §5.4.3). */
  readonly quantity: (value: number, symbol: string, digits?: number) => string;
  /** `3 days ago`, `today`. */
  readonly daysAgo: (days: number) => string;
};

const formatFor = (locale: string): Format => {
  const number: Format["number"] = (value, digits = 0) =>
    new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
      value,
    );
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  return {
    number,
    quantity: (value, symbol, digits) => `${number(value, digits)}${symbol === "°" ? "" : "\u00A0"}${symbol}`,
    daysAgo: (days) => relative.format(-days, "day"),
  };
};

export const useFormat = (): Format => formatFor(useViewer().locale);
