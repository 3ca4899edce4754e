import manifest from "../../package.json" with { type: "json" };

/** The release, as `health`, `boot` and `--version` say it. */
export const VERSION: string = manifest.version;
