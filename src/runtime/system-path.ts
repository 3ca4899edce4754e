/**
 * The environment for a program of the system, such as `ip` or `shutdown`: a service's PATH may leave out
 * the folders that have them.
 */
export const withSystemPath = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...env,
  PATH: `${env["PATH"] ?? "/usr/bin:/bin"}:/usr/sbin:/sbin`,
});
