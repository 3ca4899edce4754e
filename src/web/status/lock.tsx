import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { shownSpan } from "../viewer/time.ts";
import { useWords } from "./words.ts";

type LockProps = {
  /** The last PIN was refused. */
  readonly wrong: boolean;
  /** No try is answered before, on the page's clock that never jumps. */
  readonly retryAt: number | undefined;
  readonly mono: number;
  readonly enter: (pin: string) => void;
};

/** Asks for the unit's PIN. */
export const Lock = ({ wrong, retryAt, mono, enter }: LockProps): JSX.Element => {
  const { pin: words } = useWords();
  const [pin, setPin] = useState("");
  const waitMs = retryAt === undefined ? 0 : Math.max(0, retryAt - mono);
  const waits = waitMs > 0;
  return (
    <main id="content" class="lock" tabIndex={-1}>
      <form
        class="panel"
        onSubmit={(event) => {
          event.preventDefault();
          if (!waits && pin !== "") enter(pin);
          setPin("");
        }}
      >
        <label>
          <span>{words.ask}</span>
          <input
            type="password"
            autocomplete="current-password"
            value={pin}
            onInput={({ currentTarget }) => setPin(currentTarget.value)}
          />
        </label>
        <p role="alert" class="refusal">
          {waits ? words.wait(shownSpan(Math.ceil(waitMs / 1_000) * 1_000)) : wrong ? words.wrong : ""}
        </p>
        <button type="submit" class="primary" disabled={waits}>
          {words.enter}
        </button>
      </form>
    </main>
  );
};
