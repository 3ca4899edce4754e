import { render, type JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { ConsoleSettings } from "../../domain/fleet.ts";
import "../viewer/theme.css";
import "./console.css";
import { ViewerProvider } from "../viewer/viewer.tsx";
import { Console } from "./app.tsx";
import { Login } from "./login.tsx";
import { useWords } from "./parts.tsx";
import { get, isRefused } from "./server.ts";

/** How often the server is asked until it answers, ms. */
const RETRY_MS = 2_000;

type Entry =
  | { readonly kind: "asking"; readonly hasFailed: boolean }
  | { readonly kind: "locked" }
  | { readonly kind: "inside"; readonly settings: ConsoleSettings };

const Page = (): JSX.Element => {
  const words = useWords();
  const [entry, setEntry] = useState<Entry>({ kind: "asking", hasFailed: false });
  const ask = useCallback(() => {
    get("settings.json", ConsoleSettings).then(
      (settings) => setEntry({ kind: "inside", settings }),
      (cause: unknown) =>
        setEntry(isRefused(cause) ? { kind: "locked" } : { kind: "asking", hasFailed: true }),
    );
  }, []);
  useEffect(() => ask(), [ask]);
  useEffect(() => {
    if (entry.kind !== "asking" || !entry.hasFailed) return undefined;
    const timer = setTimeout(ask, RETRY_MS);
    return () => clearTimeout(timer);
  }, [entry, ask]);
  useEffect(() => {
    document.title = words.title;
  }, [words]);
  const lock = useCallback(() => setEntry({ kind: "locked" }), []);
  if (entry.kind === "locked") return <Login onEntered={ask} />;
  if (entry.kind === "inside") return <Console settings={entry.settings} onRefused={lock} />;
  return (
    <main class="login">
      <p role="status">{entry.hasFailed ? words.lost : words.loading}</p>
    </main>
  );
};

const page = document.querySelector("#page");
if (page)
  render(
    <ViewerProvider>
      <Page />
    </ViewerProvider>,
    page,
  );
