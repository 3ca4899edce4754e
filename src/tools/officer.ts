import { picture } from "./lamp-picture.ts";

/** The page for officers: what the lamp beside the button says, in four languages, to print and to keep in the car. */

/** What the lamp says to an officer. `none`: no light; `drill`: how a drill begins. */
const ROWS = [
  "idle",
  "stored",
  "sent",
  "received",
  "accepted",
  "no-link",
  "no-host",
  "fault",
  "none",
  "drill",
] as const;
type Row = (typeof ROWS)[number];

type Words = {
  readonly language: string;
  readonly title: string;
  readonly press: string;
  /** Headings of the table. */
  readonly columns: readonly [lamp: string, sound: string, meaning: string];
  readonly sounds: Partial<Readonly<Record<Row, string>>>;
  readonly meanings: Readonly<Record<Row, string>>;
  readonly notes: readonly string[];
};

const ENGLISH: Words = {
  language: "English",
  title: "The emergency button",
  press:
    "Press the button once. The lamp shows how far your call has got. Each step is brighter than the one before.",
  columns: ["the lamp, in 3 seconds", "sound", "what it means"],
  sounds: {
    stored: "1 beep",
    sent: "2 beeps",
    received: "3 beeps",
    accepted: "one long tone",
    fault: "3 longer beeps",
  },
  meanings: {
    idle: "Ready.",
    stored:
      "**Not yet.** The car has your call and is sending it. If this stays for more than a few seconds, use the radio too.",
    sent: "**Sent.** The network has it.",
    received: "**Dispatch has it.**",
    accepted: "**Help is coming.** A person at dispatch has it.",
    "no-link":
      "No connection. Press all the same: it is sent when there is one. If it is urgent, use the radio too.",
    "no-host":
      "The computer is off or restarting. Press all the same: the button keeps it. If it stays, use the radio.",
    fault: "A fault. **Press all the same, and call by radio.** Then have the car looked at.",
    none: "The button has no power or is broken. **Use the radio.**",
    drill: "A drill begins. It is not an emergency.",
  },
  notes: [
    "Only dispatch ends an emergency. You may press again at any time.",
    "Some buttons are quiet (no sound) or hidden (no sound, and the lamp looks as if nothing happened).",
  ],
};

const SERBIAN: Words = {
  language: "Srpski (latinica)",
  title: "Dugme za poziv u pomoć",
  press:
    "Pritisnite dugme jednom. Lampica pokazuje dokle je poziv stigao. Svaki korak je svetliji od prethodnog.",
  columns: ["lampica, u 3 sekunde", "zvuk", "šta znači"],
  sounds: {
    stored: "1 kratak ton",
    sent: "2 kratka tona",
    received: "3 kratka tona",
    accepted: "jedan dug ton",
    fault: "3 duža tona",
  },
  meanings: {
    idle: "Spremno.",
    stored:
      "**Još nije poslato.** Vozilo ima vaš poziv i šalje ga. Ako ovako ostane duže od nekoliko sekundi, pozovite i radio-vezom.",
    sent: "**Poslato.** Mreža ima poziv.",
    received: "**Operativni centar ima poziv.**",
    accepted: "**Pomoć stiže.** Poziv je preuzeo čovek u operativnom centru.",
    "no-link":
      "Nema veze. Ipak pritisnite: poziv se šalje čim veza postoji. Ako je hitno, pozovite i radio-vezom.",
    "no-host":
      "Računar je isključen ili se ponovo pokreće. Ipak pritisnite: dugme pamti poziv. Ako ovako ostane, pozovite radio-vezom.",
    fault: "Kvar. **Ipak pritisnite, i pozovite radio-vezom.** Zatim prijavite vozilo na pregled.",
    none: "Dugme nema napajanje ili je pokvareno. **Pozovite radio-vezom.**",
    drill: "Počinje vežba. Nije opasnost.",
  },
  notes: [
    "Poziv završava samo operativni centar. Smete da pritisnete ponovo u svako doba.",
    "Neka dugmad su tiha (bez zvuka) ili skrivena (bez zvuka, a lampica izgleda kao da se ništa nije dogodilo).",
  ],
};

const SLOVENE: Words = {
  language: "Slovenščina",
  title: "Gumb za klic na pomoč",
  press:
    "Pritisnite gumb enkrat. Lučka pokaže, kako daleč je prišel klic. Vsak korak je svetlejši od prejšnjega.",
  columns: ["lučka, v 3 sekundah", "zvok", "kaj pomeni"],
  sounds: {
    stored: "1 pisk",
    sent: "2 piska",
    received: "3 piski",
    accepted: "en dolg pisk",
    fault: "3 daljši piski",
  },
  meanings: {
    idle: "Pripravljeno.",
    stored:
      "**Še ni poslano.** Vozilo ima vaš klic in ga pošilja. Če tako ostane več kot nekaj sekund, pokličite tudi po radijski zvezi.",
    sent: "**Poslano.** Omrežje ima klic.",
    received: "**Operativni center ima klic.**",
    accepted: "**Pomoč prihaja.** Klic je prevzel človek v operativnem centru.",
    "no-link":
      "Ni povezave. Vseeno pritisnite: klic se pošlje, ko je povezava. Če je nujno, pokličite tudi po radijski zvezi.",
    "no-host":
      "Računalnik je izklopljen ali se znova zaganja. Vseeno pritisnite: gumb si klic zapomni. Če tako ostane, pokličite po radijski zvezi.",
    fault: "Okvara. **Vseeno pritisnite in pokličite po radijski zvezi.** Nato naj vozilo pregledajo.",
    none: "Gumb nima napajanja ali je pokvarjen. **Pokličite po radijski zvezi.**",
    drill: "Začenja se vaja. Ni nevarnosti.",
  },
  notes: [
    "Klic konča samo operativni center. Znova smete pritisniti kadar koli.",
    "Nekateri gumbi so tihi (brez zvoka) ali skriti (brez zvoka, lučka pa je videti, kot da se ni nič zgodilo).",
  ],
};

/** Serbian letters, those of two Latin letters first. */
const CYRILLIC: readonly (readonly [string, string])[] = [
  ["lj", "љ"],
  ["nj", "њ"],
  ["dž", "џ"],
  ...Array.from("abvgdđežzijklmnoprstćufhcčš", (latin, n): [string, string] => [
    latin,
    Array.from("абвгдђежзијклмнопрстћуфхцчш")[n]!,
  ]),
];

/** Serbian in the other of its two scripts. */
const cyrillic = (latin: string): string =>
  CYRILLIC.reduce(
    (text, [from, to]) =>
      text.replaceAll(from, to).replaceAll(`${from[0]!.toUpperCase()}${from.slice(1)}`, to.toUpperCase()),
    latin,
  );

const mapped = <T extends Readonly<Partial<Record<Row, string>>>>(words: T): T =>
  Object.assign(
    { ...words },
    Object.fromEntries(Object.entries(words).map(([row, text]) => [row, cyrillic(text)])),
  );

const CYRILLIC_SERBIAN: Words = {
  language: "Српски (ћирилица)",
  title: cyrillic(SERBIAN.title),
  press: cyrillic(SERBIAN.press),
  columns: [cyrillic(SERBIAN.columns[0]), cyrillic(SERBIAN.columns[1]), cyrillic(SERBIAN.columns[2])],
  sounds: mapped(SERBIAN.sounds),
  meanings: mapped(SERBIAN.meanings),
  notes: SERBIAN.notes.map((note) => cyrillic(note)),
};

export const LANGUAGES: readonly Words[] = [SERBIAN, CYRILLIC_SERBIAN, SLOVENE, ENGLISH];

const page = ({ language, title, press, columns, sounds, meanings, notes }: Words): string => `## ${title}

_${language}_

${press}

| ${columns.join(" | ")} |
| --- | --- | --- |
${ROWS.map((row) => `| \`${picture(row)}\` | ${sounds[row] ?? "–"} | ${meanings[row]} |`).join("\n")}

${notes.map((note) => `- ${note}`).join("\n")}
`;

/** config/OFFICER.md. */
export const officerPage = (): string => `# The officer's page

<!-- Made by npm run generate from src/tools/officer.ts and src/domain/lamp-looks.ts. -->

Print the page of your language and keep it in the car. █ is lit, · is dark; a character is a tenth of a second.

${LANGUAGES.map(page).join("\n---\n\n")}`;
