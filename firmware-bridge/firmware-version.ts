/** Whether a firmware, for example `1.7`, is older than another. */
export const isOlder = (firmware: string, than: string): boolean => {
  const [major = 0, minor = 0] = firmware.split(".").map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split(".").map(Number);
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
};
