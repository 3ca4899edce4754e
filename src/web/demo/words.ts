import { inEveryLanguage } from "../viewer/language.ts";
import { useViewer } from "../viewer/viewer.tsx";

/** The demo's texts. Serbian and Slovene have other forms of nouns after 1, 2 and 5: counts stand behind a colon. */
const EN = {
  title: "A patrol car and its dispatch",
  lead: "Everything runs on this machine. The unit, the board's firmware and the console are the real ones; the drive is a model.",
  starting: "The car starts …",
  noPower: "The car has no power.",
  lost: "The demo has ended. Start it again in the terminal, and open the new address.",
  guide: "First steps",
  done: "(done)",
  all: "All steps are done. Try the other faults.",
  car: "The car",
  carPage: "The unit's page",
  between: "Between them",
  dispatch: "Dispatch",
  consolePage: "The dispatcher's console",
  press: "Press for help",
  lamp: "Lamp:",
  dark: "Dark: the board has no power.",
  try: "Faults to try",
  troubles: {
    tunnel: "Drive into a tunnel",
    broker: "Kill the broker",
    gps: "Unplug the receiver",
    loop: "Cut the button's wire",
    power: "Cut the power",
  },
  steps: {
    moves: { title: "The car moves", hint: "Dispatch sees its position on the map." },
    press: { title: "Press the red button", hint: "The car asks for help." },
    heard: { title: "Dispatch hears it", hint: "The console sounds an alarm." },
    answer: { title: "Answer", hint: "Choose Received or Accept in the console and watch the lamp." },
    clear: { title: "End it", hint: "Choose Clear in the console, twice: the lamp shows idle." },
    tunnel: {
      title: "Into the tunnel",
      hint: "Switch the tunnel on and press again: the lamp shows stored.",
    },
    leave: { title: "Out again", hint: "Switch the tunnel off: the press arrives." },
  },
  says: {
    moves: (kmh: number) => `Dispatch sees the car move: ${kmh} km/h.`,
    pressed: "The button is pressed.",
    unseen: {
      loop: "The button is pressed, but its wire is cut: the board sees nothing.",
      power: "The button is pressed, but nothing has power.",
    },
    legs: {
      latched: (ms: string) => `The board has the press: ${ms}.`,
      stored: (ms: string) => `Lamp stored: it is on the car's disk, ${ms}.`,
      sent: (ms: string) => `Lamp sent: the broker has it, ${ms}.`,
      dispatch: (ms: string) => `Dispatch has it: ${ms}.`,
    },
    lamp: (lamp: string) => `Lamp: ${lamp}.`,
    answer: (stage: string, by: string | undefined) =>
      by === undefined ? `Dispatch answers: ${stage}.` : `Dispatch answers: ${stage} (${by}).`,
    troubles: {
      tunnel: {
        on: "The car drives into a tunnel: no network, no satellites.",
        off: "The car leaves the tunnel.",
      },
      broker: { on: "The broker is killed.", off: "The broker starts again." },
      gps: { on: "The receiver is unplugged.", off: "The receiver is plugged in again." },
      loop: { on: "The button's wire is cut.", off: "The button's wire is mended." },
      power: { on: "The power is cut.", off: "The power is back: the computer starts." },
    },
    starts: (ms: string) => `The unit runs: ${ms}.`,
    died: "The unit has ended by itself. Switch the power on again.",
    unit: { online: "Dispatch sees the car online.", offline: "Dispatch sees the car offline." },
    fault: (sentence: string) => `The car reports: ${sentence}`,
    over: (sentence: string) => `Over: ${sentence}`,
    history: (count: number) => `Dispatch gets reports from before: ${count}.`,
  },
};

export type DemoWords = typeof EN;

/** Serbian in Cyrillic letters. */
const SR: DemoWords = {
  title: "Патролно возило и оперативни центар",
  lead: "Све ради на овом рачунару. Јединица, програм плочице и конзола су прави; вожња је модел.",
  starting: "Возило се покреће …",
  noPower: "Возило нема напајање.",
  lost: "Демо је завршен. Покрените га поново у терминалу и отворите нову адресу.",
  guide: "Први кораци",
  done: "(урађено)",
  all: "Сви кораци су урађени. Испробајте остале кварове.",
  car: "Возило",
  carPage: "Страница јединице",
  between: "Између њих",
  dispatch: "Оперативни центар",
  consolePage: "Диспечерска конзола",
  press: "Позови помоћ",
  lamp: "Лампица:",
  dark: "Угашена: плочица нема напајање.",
  try: "Кварови за пробу",
  troubles: {
    tunnel: "Уђи у тунел",
    broker: "Угаси брокер",
    gps: "Ископчај пријемник",
    loop: "Пресеци жицу дугмета",
    power: "Искључи напајање",
  },
  steps: {
    moves: { title: "Возило се креће", hint: "Центар види позицију на мапи." },
    press: { title: "Притисните црвено дугме", hint: "Возило тражи помоћ." },
    heard: { title: "Центар чује позив", hint: "Конзола се огласи узбуном." },
    answer: { title: "Одговорите", hint: "У конзоли изаберите Примљено или Прихвати и гледајте лампицу." },
    clear: { title: "Завршите", hint: "У конзоли двапут изаберите Заврши: лампица показује idle." },
    tunnel: { title: "У тунел", hint: "Укључите тунел и притисните поново: лампица показује stored." },
    leave: { title: "Из тунела", hint: "Искључите тунел: притисак стиже." },
  },
  says: {
    moves: (kmh) => `Центар види да се возило креће: ${kmh} km/h.`,
    pressed: "Дугме је притиснуто.",
    unseen: {
      loop: "Дугме је притиснуто, али је жица пресечена: плочица не види ништа.",
      power: "Дугме је притиснуто, али ништа нема напајање.",
    },
    legs: {
      latched: (ms) => `Плочица има притисак: ${ms}.`,
      stored: (ms) => `Лампица stored: на диску возила, ${ms}.`,
      sent: (ms) => `Лампица sent: брокер има позив, ${ms}.`,
      dispatch: (ms) => `Центар има позив: ${ms}.`,
    },
    lamp: (lamp) => `Лампица: ${lamp}.`,
    answer: (stage, by) =>
      by === undefined ? `Центар одговара: ${stage}.` : `Центар одговара: ${stage} (${by}).`,
    troubles: {
      tunnel: { on: "Возило улази у тунел: нема мреже, нема сателита.", off: "Возило излази из тунела." },
      broker: { on: "Брокер је угашен.", off: "Брокер се поново покреће." },
      gps: { on: "Пријемник је ископчан.", off: "Пријемник је поново прикључен." },
      loop: { on: "Жица дугмета је пресечена.", off: "Жица дугмета је поправљена." },
      power: { on: "Напајање је искључено.", off: "Напајање се вратило: рачунар се покреће." },
    },
    starts: (ms) => `Јединица ради: ${ms}.`,
    died: "Јединица се сама угасила. Поново укључите напајање.",
    unit: { online: "Центар види да је возило на вези.", offline: "Центар види да возило није на вези." },
    fault: (sentence) => `Возило јавља: ${sentence}`,
    over: (sentence) => `Прошло: ${sentence}`,
    history: (count) => `Центар добија раније извештаје: ${count}.`,
  },
};

const SL: DemoWords = {
  title: "Patruljno vozilo in operativni center",
  lead: "Vse teče na tem računalniku. Enota, program ploščice in konzola so pravi; vožnja je model.",
  starting: "Vozilo se zaganja …",
  noPower: "Vozilo nima napajanja.",
  lost: "Predstavitev je končana. Zaženite jo znova v terminalu in odprite novi naslov.",
  guide: "Prvi koraki",
  done: "(narejeno)",
  all: "Vsi koraki so narejeni. Preizkusite še druge okvare.",
  car: "Vozilo",
  carPage: "Stran enote",
  between: "Med njima",
  dispatch: "Operativni center",
  consolePage: "Dispečerska konzola",
  press: "Pokliči pomoč",
  lamp: "Lučka:",
  dark: "Ugasnjena: ploščica nima napajanja.",
  try: "Okvare za preizkus",
  troubles: {
    tunnel: "Zapelji v predor",
    broker: "Ustavi posrednika",
    gps: "Odklopi sprejemnik",
    loop: "Prereži žico gumba",
    power: "Izklopi napajanje",
  },
  steps: {
    moves: { title: "Vozilo se premika", hint: "Center vidi njegov položaj na zemljevidu." },
    press: { title: "Pritisnite rdeči gumb", hint: "Vozilo kliče na pomoč." },
    heard: { title: "Center sliši klic", hint: "Konzola sproži alarm." },
    answer: { title: "Odgovorite", hint: "V konzoli izberite Prejeto ali Sprejmi in glejte lučko." },
    clear: { title: "Končajte", hint: "V konzoli dvakrat izberite Končaj: lučka kaže idle." },
    tunnel: { title: "V predor", hint: "Vklopite predor in znova pritisnite: lučka kaže stored." },
    leave: { title: "Iz predora", hint: "Izklopite predor: pritisk prispe." },
  },
  says: {
    moves: (kmh) => `Center vidi, da se vozilo premika: ${kmh} km/h.`,
    pressed: "Gumb je pritisnjen.",
    unseen: {
      loop: "Gumb je pritisnjen, a žica je prerezana: ploščica ne vidi ničesar.",
      power: "Gumb je pritisnjen, a nič nima napajanja.",
    },
    legs: {
      latched: (ms) => `Ploščica ima pritisk: ${ms}.`,
      stored: (ms) => `Lučka stored: na disku vozila, ${ms}.`,
      sent: (ms) => `Lučka sent: posrednik ima klic, ${ms}.`,
      dispatch: (ms) => `Center ima klic: ${ms}.`,
    },
    lamp: (lamp) => `Lučka: ${lamp}.`,
    answer: (stage, by) =>
      by === undefined ? `Center odgovarja: ${stage}.` : `Center odgovarja: ${stage} (${by}).`,
    troubles: {
      tunnel: { on: "Vozilo zapelje v predor: ni omrežja, ni satelitov.", off: "Vozilo zapelje iz predora." },
      broker: { on: "Posrednik je ustavljen.", off: "Posrednik se znova zažene." },
      gps: { on: "Sprejemnik je odklopljen.", off: "Sprejemnik je znova priklopljen." },
      loop: { on: "Žica gumba je prerezana.", off: "Žica gumba je popravljena." },
      power: { on: "Napajanje je izklopljeno.", off: "Napajanje je spet tu: računalnik se zaganja." },
    },
    starts: (ms) => `Enota teče: ${ms}.`,
    died: "Enota se je sama ustavila. Znova vklopite napajanje.",
    unit: { online: "Center vidi, da je vozilo na zvezi.", offline: "Center vidi, da vozila ni na zvezi." },
    fault: (sentence) => `Vozilo javlja: ${sentence}`,
    over: (sentence) => `Minilo: ${sentence}`,
    history: (count) => `Center dobi prejšnja poročila: ${count}.`,
  },
};

export const WORDS = inEveryLanguage<DemoWords>({ en: EN, "sr-Cyrl": SR, sl: SL });

export const useWords = (): DemoWords => WORDS[useViewer().language];
