import "./texts.ts";
import { render } from "preact";
import "../viewer/theme.css";
import { ViewerProvider } from "../viewer/viewer.tsx";
import { App } from "./app.tsx";
import "./page.css";

const page = document.querySelector("#page");
if (page)
  render(
    <ViewerProvider>
      <App />
    </ViewerProvider>,
    page,
  );
