import { render } from "preact";
import "../shared/theme.css";
import { ViewerProvider } from "../shared/viewer.tsx";
import { App } from "./app.tsx";
import "./demo.css";

const page = document.querySelector("#page");
if (page)
  render(
    <ViewerProvider>
      <App />
    </ViewerProvider>,
    page,
  );
