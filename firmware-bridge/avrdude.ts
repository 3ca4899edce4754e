/** How a board is programmed by hand if the unit cannot do it: PROTOCOL.md, "Programming a board". Pure. */

export type ImageFiles = { readonly firmware: string; readonly loader: string };

/** Once, through the ICSP header: the firmware and our boot loader. Fuses and lock bits as in PROTOCOL.md. */
const programmerLine = ({ firmware, loader }: ImageFiles): string =>
  [
    "avrdude -c usbasp -p m328p -e -U lfuse:w:0xFF:m -U hfuse:w:0xD4:m -U efuse:w:0xFC:m",
    `-U flash:w:${loader}:i -U flash:w:${firmware}:i -U lock:w:0xEF:m`,
  ].join(" ");

/** By a boot loader that a reset starts. `baud`: 115,200 for Optiboot. */
const resetLine = (port: string, baud: number, { firmware }: ImageFiles): string =>
  `avrdude -c arduino -b ${baud} -p m328p -D -P ${port} -U flash:w:${firmware}:i`;

const OPTIBOOT_BAUD = 115_200;

const throughIcsp = (files: ImageFiles): readonly string[] => [
  "Connect a programmer to the board's six-pin ICSP header (-c names yours), pull the board's USB plug, and run once:",
  `  ${programmerLine(files)}`,
  "From then on `flash firmware` needs no programmer.",
];

/** What to do by hand, line by line. `code`: why the update was not made. */
export const byHand = (
  code: "no-loader" | "old-loader" | "no-start",
  port: string,
  files: ImageFiles,
): readonly string[] => {
  switch (code) {
    case "no-loader":
      return throughIcsp(files);
    case "old-loader":
      return [
        "Run this and press the board's reset button as avrdude starts:",
        `  ${resetLine(port, OPTIBOOT_BAUD, files)}`,
        "Or, better, give the board our boot loader, which an interrupted update cannot harm.",
        ...throughIcsp(files),
      ];
    case "no-start":
      return [
        "Run `flash firmware` again, and press the board's reset button once a second until it writes:",
        "a boot loader listens for 1 s after a reset. If that changes nothing, the board has none that can be used.",
        ...throughIcsp(files),
      ];
  }
};
