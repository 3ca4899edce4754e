/**
 * A patrol through Zrenjanin: corners of its streets, set down by us from general knowledge of the
 * town, within some hundred metres of the ground truth. It is for showing the unit, not a map.
 */
export type Leg = {
  /** The street driven from this corner to the next. */
  readonly street: string;
  readonly lat: number;
  readonly lon: number;
  readonly limitKmh: number;
  /** What the surroundings do to reception. */
  readonly sky: "open" | "urban" | "covered";
  /** Seconds parked at this corner before driving on. */
  readonly parkS?: number;
  /** The car is called: it drives with siren and blue lights. */
  readonly call?: true;
};

export const ZRENJANIN: readonly Leg[] = [
  { street: "Trg slobode", lat: 45.3797, lon: 20.3906, limitKmh: 30, sky: "urban", parkS: 20 },
  { street: "Kralja Aleksandra I Karađorđevića", lat: 45.3806, lon: 20.3921, limitKmh: 40, sky: "urban" },
  { street: "Kralja Aleksandra I Karađorđevića", lat: 45.3829, lon: 20.3944, limitKmh: 50, sky: "urban" },
  { street: "Bulevar Veljka Vlahovića", lat: 45.3861, lon: 20.3969, limitKmh: 60, sky: "open", call: true },
  { street: "Bulevar Veljka Vlahovića", lat: 45.3893, lon: 20.3921, limitKmh: 60, sky: "open", call: true },
  { street: "Cara Dušana", lat: 45.3921, lon: 20.3876, limitKmh: 50, sky: "open" },
  { street: "Novosadska", lat: 45.3902, lon: 20.3797, limitKmh: 70, sky: "open", parkS: 60 },
  { street: "underpass", lat: 45.3871, lon: 20.3741, limitKmh: 50, sky: "covered" },
  { street: "Beogradska", lat: 45.3842, lon: 20.3747, limitKmh: 50, sky: "open" },
  { street: "Beogradska", lat: 45.3781, lon: 20.3781, limitKmh: 60, sky: "open" },
  { street: "Žarka Zrenjanina", lat: 45.3752, lon: 20.3838, limitKmh: 50, sky: "open" },
  { street: "Pančevačka", lat: 45.3764, lon: 20.3893, limitKmh: 50, sky: "urban" },
];

/** The same round without the long wait at its beginning, for a visitor who wants to see the car move. */
export const ZRENJANIN_AT_ONCE: readonly Leg[] = ZRENJANIN.with(0, { ...ZRENJANIN[0]!, parkS: 7 });
