import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { bundle } from "./bundle.ts";

await bundle("dist/unit.mjs", "all");

const DOOR = "dist/patrol-unit.mjs";
copyFileSync("src/tools/door.mjs", DOOR);
chmodSync(DOOR, 0o755);

// `flash firmware` programs them. A car has `dist/` and no checkout.
const IMAGES = "firmware-bridge/firmware";
mkdirSync(`dist/${IMAGES}`, { recursive: true });
for (const name of ["panic-board.hex", "boot-loader.hex"])
  copyFileSync(`${IMAGES}/${name}`, `dist/${IMAGES}/${name}`);

// The bus of the demo's car.
mkdirSync("dist/src/demo", { recursive: true });
copyFileSync("src/demo/patrol-car.dbc", "dist/src/demo/patrol-car.dbc");
