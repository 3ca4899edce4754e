/** The environment of a process that finds none of these libraries, as if npm had left them out. */
export const without = (...libraries: readonly string[]): Record<string, string> => {
  const hook = `import{registerHooks}from"node:module";const left=${JSON.stringify(libraries)};registerHooks({resolve(name,context,next){if(left.includes(name))throw new Error("Cannot find package '"+name+"'");return next(name,context)}})`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` };
};
