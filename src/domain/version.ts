import manifest from "../../package.json" with { type: "json" };

/** The release, as `health`, `boot` and `--version` report it. */
export const VERSION: string = manifest.version;
