/** The colours of what is drawn, read from the style sheet: they follow the theme. */
export type Colours = {
  readonly grid: string;
  readonly gridText: string;
  readonly track: string;
  readonly cursor: string;
  readonly good: string;
  readonly fault: string;
  readonly away: string;
  readonly emergency: string;
  readonly drill: string;
  readonly paper: string;
  readonly ink: string;
};

export const readColours = (): Colours => {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string) => style.getPropertyValue(name).trim();
  return {
    grid: value("--line"),
    gridText: value("--ink-2"),
    track: value("--accent"),
    cursor: value("--cursor"),
    good: value("--car"),
    fault: value("--car-fault"),
    away: value("--car-away"),
    emergency: value("--alarm"),
    drill: value("--drill"),
    paper: value("--paper"),
    ink: value("--ink"),
  };
};
