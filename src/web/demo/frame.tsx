import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { useAwake, useLead } from "../viewer/led.ts";
import { useViewer } from "../viewer/viewer.tsx";

/** A page of this machine in a frame, in this page's language and colours. */
export const Frame = ({ port, title }: { readonly port: number; readonly title: string }): JSX.Element => {
  const { language, theme } = useViewer();
  const frame = useRef<HTMLIFrameElement>(null);
  const speak = useLead(frame, { language, theme, isAwake: useAwake() });
  return (
    <iframe
      ref={frame}
      src={`http://127.0.0.1:${port}/`}
      title={title}
      // The console's alarm is heard after a click anywhere on this page.
      allow="autoplay"
      onLoad={speak}
    />
  );
};
