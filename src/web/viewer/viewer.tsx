import { createContext, type ComponentChildren, type JSX } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import {
  chooseLanguage,
  inEveryLanguage,
  LANGUAGE_NAMES,
  LANGUAGES,
  LOCALES,
  type Language,
} from "./language.ts";
import { useLed } from "./led.ts";
import { remembered } from "./remembered.ts";
import { THEMES, useTheme, type Theme } from "./theme.ts";
import { shownTime } from "./time.ts";

/** How this viewer wants the page: language and theme, both remembered. */
type Viewer = {
  readonly language: Language;
  /** For `Intl`. */
  readonly locale: string;
  readonly speak: (language: Language) => void;
  readonly theme: Theme;
  readonly paint: (theme: Theme) => void;
  /** The page around this one decides both. */
  readonly isLed: boolean;
  /** The viewer has clicked or pressed a key on the page around this one. */
  readonly isAwake: boolean;
};

const VIEWER = createContext<Viewer | undefined>(undefined);

export const useViewer = (): Viewer => {
  const viewer = useContext(VIEWER);
  if (!viewer) throw new Error("a component is shown outside ViewerProvider");
  return viewer;
};

export const ViewerProvider = ({ children }: { readonly children: ComponentChildren }): JSX.Element => {
  const [stored] = useState(() => remembered("patrol-unit.language"));
  const [language, setLanguage] = useState(() => chooseLanguage(stored.get(), navigator.languages));
  const { theme, choose, follow } = useTheme();
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const led = useLed((lead) => {
    setLanguage(lead.language);
    follow(lead.theme);
  });
  const viewer: Viewer = {
    language,
    locale: LOCALES[language],
    speak(chosen) {
      stored.set(chosen);
      setLanguage(chosen);
    },
    theme,
    paint: choose,
    isLed: led !== undefined,
    isAwake: led?.isAwake ?? false,
  };
  return <VIEWER.Provider value={viewer}>{children}</VIEWER.Provider>;
};

const TEXTS = inEveryLanguage({
  en: { language: "Language", theme: "Colours", auto: "system", light: "light", dark: "dark" },
  "sr-Cyrl": { language: "Језик", theme: "Боје", auto: "систем", light: "светле", dark: "тамне" },
  sl: { language: "Jezik", theme: "Barve", auto: "sistem", light: "svetle", dark: "temne" },
});

/** The two switches that every page has in its header: language and colours. None if another page decides. */
export const ViewerSwitches = (): JSX.Element | null => {
  const { language, speak, theme, paint, isLed } = useViewer();
  const texts = TEXTS[language];
  if (isLed) return null;
  return (
    <div class="switches">
      <label>
        <span class="unseen">{texts.language}</span>
        <select
          value={language}
          onChange={({ currentTarget }) => {
            const chosen = LANGUAGES.find((one) => one === currentTarget.value);
            if (chosen) speak(chosen);
          }}
        >
          {LANGUAGES.map((one) => (
            <option key={one} value={one} lang={one}>
              {LANGUAGE_NAMES[one]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="unseen">{texts.theme}</span>
        <select
          value={theme}
          onChange={({ currentTarget }) => {
            const chosen = THEMES.find((one) => one === currentTarget.value);
            if (chosen) paint(chosen);
          }}
        >
          {THEMES.map((one) => (
            <option key={one} value={one}>
              {texts.theme}: {texts[one]}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
};

/** An instant in the viewer's zone, with UTC when one points at it or reaches it with the keyboard. */
export const Time = ({ at, now }: { readonly at: number; readonly now: number }): JSX.Element => {
  const { locale } = useViewer();
  const { text, utc } = shownTime(at, now, locale);
  return (
    <time class="number" dateTime={new Date(at).toISOString()} title={utc} tabIndex={0}>
      {text}
    </time>
  );
};
