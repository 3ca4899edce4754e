import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { LANGUAGES, type Language } from "./language.ts";
import { THEMES, type Theme } from "./theme.ts";

/** A page that shows others in frames leads them: they have its language and colours, and no switches of their own. */

type Lead = {
  readonly language: Language;
  readonly theme: Theme;
  /** The viewer has clicked or pressed a key on the page around: a frame with `allow="autoplay"` may make sounds then. */
  readonly isAwake: boolean;
};

const leadIn = (data: unknown): Lead | undefined => {
  if (typeof data !== "object" || data === null || !("patrolUnitLead" in data)) return undefined;
  const lead = data.patrolUnitLead;
  if (typeof lead !== "object" || lead === null || !("language" in lead) || !("theme" in lead))
    return undefined;
  const language = LANGUAGES.find((one) => one === lead.language);
  const theme = THEMES.find((one) => one === lead.theme);
  return language && theme && { language, theme, isAwake: "isAwake" in lead && lead.isAwake === true };
};

/**
 * Follows the page around this one, which may only be one that the policy of this page allows to show it
 * (`frame-ancestors`). Returns what it has said; undefined: nothing.
 */
export const useLed = (follow: (lead: Lead) => void): Lead | undefined => {
  const [led, setLed] = useState<Lead>();
  // The page around speaks as soon as this one has loaded: the listener must be there before.
  useLayoutEffect(() => {
    if (window.parent === window) return undefined;
    const listen = ({ source, data }: MessageEvent<unknown>): void => {
      const lead = source === window.parent ? leadIn(data) : undefined;
      if (!lead) return;
      setLed(lead);
      follow(lead);
    };
    addEventListener("message", listen);
    return () => removeEventListener("message", listen);
  }, []);
  return led;
};

/** Whether the viewer has clicked or pressed a key on this page. */
export const useAwake = (): boolean => {
  const [isAwake, setAwake] = useState(false);
  useEffect(() => {
    const wake = (): void => setAwake(true);
    for (const event of ["click", "keydown"]) document.addEventListener(event, wake, { once: true });
    return () => {
      for (const event of ["click", "keydown"]) document.removeEventListener(event, wake);
    };
  }, []);
  return isAwake;
};

/** Leads the page in a frame. Call what it returns when the frame has loaded. */
export const useLead = (
  frame: { readonly current: HTMLIFrameElement | null },
  { language, theme, isAwake }: Lead,
): (() => void) => {
  const [isLoaded, setLoaded] = useState(false);
  const speak = (): void => {
    const to = frame.current;
    to?.contentWindow?.postMessage({ patrolUnitLead: { language, theme, isAwake } }, new URL(to.src).origin);
  };
  useEffect(() => {
    if (isLoaded) speak();
  }, [isLoaded, language, theme, isAwake]);
  return () => {
    setLoaded(true);
    speak();
  };
};
