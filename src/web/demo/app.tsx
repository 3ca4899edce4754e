import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { DemoState } from "../../domain/demo.ts";
import { ViewerSwitches } from "../viewer/viewer.tsx";
import { PanicButton } from "./button.tsx";
import { Frame } from "./frame.tsx";
import { Guide } from "./guide.tsx";
import { Log } from "./log.tsx";
import { pressButton } from "./server.ts";
import { Troubles } from "./troubles.tsx";
import { useDemo } from "./use-demo.ts";
import { useWords } from "./words.ts";

/** The unit's page, from the first time that the unit runs while this page is open. */
const CarFrame = ({ state }: { readonly state: DemoState }): JSX.Element => {
  const words = useWords();
  const { running, carPort } = state;
  const [wasSeen, setSeen] = useState(false);
  useEffect(() => {
    if (running) setSeen(true);
  }, [running]);
  if (carPort === undefined || !(running || wasSeen))
    return <p class="empty">{state.troubles.includes("power") ? words.noPower : words.starting}</p>;
  return <Frame port={carPort} title={words.carPage} />;
};

const Car = ({ state, lampSince }: { state: DemoState; lampSince: number }): JSX.Element => {
  const words = useWords();
  return (
    <section class="pane car" aria-labelledby="car">
      <h2 id="car">{words.car}</h2>
      <div class="controls">
        <PanicButton
          lamp={state.lamp.lamp}
          drill={state.lamp.drill}
          since={lampSince}
          press={() => void pressButton()}
        />
        <Troubles on={state.troubles} />
      </div>
      <CarFrame state={state} />
    </section>
  );
};

/** The demo: the car, dispatch, and what happens between them. */
export const App = (): JSX.Element => {
  const words = useWords();
  const { state, lines, isLost, lampSince } = useDemo();
  useEffect(() => {
    document.title = words.title;
  }, [words]);
  return (
    <>
      <header class="top">
        <div>
          <h1>{words.title}</h1>
          <p>{words.lead}</p>
        </div>
        <ViewerSwitches />
      </header>
      <main class={isLost ? "aged" : ""}>
        {isLost && (
          <p class="lost" role="alert">
            {words.lost}
          </p>
        )}
        {!state && !isLost && <p class="empty">{words.starting}</p>}
        {state && (
          <>
            <Guide done={state.done} />
            <div class="panes">
              <Car state={state} lampSince={lampSince} />
              <section class="pane between" aria-labelledby="between">
                <h2 id="between">{words.between}</h2>
                <Log lines={lines} />
              </section>
              <section class="pane dispatch" aria-labelledby="dispatch">
                <h2 id="dispatch">{words.dispatch}</h2>
                <Frame port={state.consolePort} title={words.consolePage} />
              </section>
            </div>
          </>
        )}
      </main>
    </>
  );
};
