import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ViewerSwitches } from "../viewer/viewer.tsx";
import { useWords } from "./parts.tsx";
import { AnswerError, postPassword } from "./server.ts";

/** Asks for the console's password. `onEntered`: a session has begun. */
export const Login = ({ onEntered }: { readonly onEntered: () => void }): JSX.Element => {
  const words = useWords();
  const [password, setPassword] = useState("");
  const [fault, setFault] = useState<AnswerError | undefined>(undefined);
  const enter = (event: Event): void => {
    event.preventDefault();
    postPassword(password).then(onEntered, (cause: unknown) => {
      setPassword("");
      setFault(cause instanceof AnswerError ? cause : new AnswerError(0));
    });
  };
  const says = (): string => {
    if (!fault) return "";
    if (fault.status === 429) return words.login.wait(fault.retryAfterS ?? 60);
    return fault.status === 401 ? words.login.wrong : words.login.failed;
  };
  return (
    <main class="login">
      <h1>{words.login.title}</h1>
      <form onSubmit={enter}>
        <label>
          {words.login.password}
          <input
            type="password"
            autocomplete="current-password"
            required
            value={password}
            onInput={({ currentTarget }) => setPassword(currentTarget.value)}
          />
        </label>
        <button type="submit" class="act act-accepted">
          {words.login.enter}
        </button>
        <p role="alert" class="outcome bad">
          {says()}
        </p>
      </form>
      <ViewerSwitches />
    </main>
  );
};
