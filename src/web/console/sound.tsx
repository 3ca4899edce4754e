import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { EpisodeView } from "../../domain/fleet.ts";
import { Alarm, type Hearing, type Tune } from "./alarm.ts";
import { isAccepted } from "./fleet-state.ts";
import { useViewer } from "../viewer/viewer.tsx";
import { useWords } from "./parts.tsx";

/** Whether somebody must answer it. */
const isCall = (episode: EpisodeView): boolean => !isAccepted(episode) && episode.isUnconfirmed !== true;

/** What is to be heard while these emergencies and drills are open. */
export const tuneOf = (real: readonly EpisodeView[], drills: readonly EpisodeView[]): Tune => {
  if (real.some(isCall)) return "urgent";
  return drills.some(isCall) ? "drill" : "none";
};

/** Plays the tune, and says whether it is heard. */
export const useAlarm = (tune: Tune) => {
  const [hearing, setHearing] = useState<Hearing>("locked");
  const alarm = useRef<Alarm>(undefined);
  alarm.current ??= new Alarm(() => setHearing(alarm.current?.hearing ?? "locked"));
  const toggle = useCallback(() => {
    if (alarm.current) alarm.current.isMuted = alarm.current.hearing === "on";
  }, []);
  useEffect(() => {
    const unlock = (): void => alarm.current?.unlock();
    const key = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLInputElement && event.target.type === "search";
      if (
        event.key.toLowerCase() === "m" &&
        !isTyping &&
        !event.ctrlKey &&
        !event.metaKey &&
        alarm.current?.hearing !== "locked"
      )
        toggle();
      unlock();
    };
    // Not when the pointer goes down: the notice gives way then, and the button under the pointer would move away
    // before it is released.
    document.addEventListener("click", unlock);
    document.addEventListener("keydown", key);
    return () => {
      document.removeEventListener("click", unlock);
      document.removeEventListener("keydown", key);
    };
  }, [toggle]);
  const { isAwake } = useViewer();
  useEffect(() => {
    if (isAwake) alarm.current?.unlock();
  }, [isAwake]);
  useEffect(() => alarm.current?.play(tune), [tune]);
  return { hearing, toggle };
};

/** The switch of the sound, which says when nothing is heard. */
export const Sound = ({ hearing, toggle }: { hearing: Hearing; toggle: () => void }): JSX.Element => {
  const words = useWords();
  if (hearing === "locked")
    return (
      <button type="button" class="sound locked">
        {words.sound.locked}
      </button>
    );
  return (
    <button
      type="button"
      class={`sound ${hearing}`}
      aria-pressed={hearing === "muted"}
      title={words.sound.toggle}
      onClick={toggle}
    >
      {hearing === "on" ? words.sound.on : words.sound.off}
    </button>
  );
};
