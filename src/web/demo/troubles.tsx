import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { TROUBLES, type Trouble } from "../../domain/demo.ts";
import { makeTrouble } from "./server.ts";
import { useWords } from "./words.ts";

const Switch = ({ trouble, isOn }: { trouble: Trouble; isOn: boolean }): JSX.Element => {
  const words = useWords();
  const [isBusy, setBusy] = useState(false);
  const turn = (): void => {
    if (isBusy) return;
    setBusy(true);
    void makeTrouble(trouble, !isOn).then(() => setBusy(false));
  };
  return (
    <button
      type="button"
      role="switch"
      aria-checked={isOn}
      aria-busy={isBusy}
      data-trouble={trouble}
      onClick={turn}
    >
      <span class="track" aria-hidden="true">
        <span class="knob" />
      </span>
      <span>{words.troubles[trouble]}</span>
    </button>
  );
};

/** What a visitor can do to the car. */
export const Troubles = ({ on }: { readonly on: readonly Trouble[] }): JSX.Element => {
  const words = useWords();
  return (
    <div class="troubles" role="group" aria-label={words.try}>
      {TROUBLES.map((trouble) => (
        <Switch key={trouble} trouble={trouble} isOn={on.includes(trouble)} />
      ))}
    </div>
  );
};
