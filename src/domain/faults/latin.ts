/** Serbian Cyrillic to Latin. Each Cyrillic letter has one Latin form; the other direction is ambiguous. */
const CYRILLIC = "абвгдђежзијклмнопрстћуфхцчш";
const LATIN = "abvgdđežzijklmnoprstćufhcčš";
const LETTERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Array.from(CYRILLIC, (letter, n) => [letter, LATIN[n]])),
  љ: "lj",
  њ: "nj",
  џ: "dž",
};

const isCapital = (letter: string | undefined): boolean =>
  letter !== undefined && letter !== letter.toLowerCase() && letter === letter.toUpperCase();

/** What is not a Serbian Cyrillic letter stays as it is. */
export const toLatin = (cyrillic: string): string => {
  const letters = Array.from(cyrillic);
  return letters
    .map((letter, n) => {
      const small = LETTERS[letter.toLowerCase()];
      if (small === undefined) return letter;
      if (!isCapital(letter)) return small;
      // In a word of capitals Љ is LJ, at the beginning of another word it is Lj.
      const isShouted = isCapital(letters[n + 1]) || isCapital(letters[n - 1]);
      return isShouted ? small.toUpperCase() : `${small[0]?.toUpperCase() ?? ""}${small.slice(1)}`;
    })
    .join("");
};
