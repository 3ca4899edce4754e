import { render } from "preact";
import "../shared/theme.css";
import { Time, ViewerProvider, ViewerSwitches } from "../shared/viewer.tsx";

const page = document.querySelector("#page");
if (page)
  render(
    <ViewerProvider>
      <h1>patrol-unit</h1>
      <ViewerSwitches />
      <Time at={Date.now()} now={Date.now()} />
    </ViewerProvider>,
    page,
  );
