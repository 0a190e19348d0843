/**
 * The environment of a helper. The launcher hands over none; this is the second line, for one that does
 * not, and for starts without a launcher.
 */

/** Variables with a meaning of their own for an elevated helper: who asked. */
const KEPT = ['PKEXEC_UID', 'EMBERSCOPE_HELPER_HANDOVER', 'ELECTRON_RUN_AS_NODE'];
/** And for one that was given no power: tests, and runtimes whose libraries lie beside them. */
const KEPT_UNELEVATED = [
  ...KEPT,
  ...['EMBERSCOPE_TEST', 'EMBERSCOPE_TEST_BPF_DIR', 'LD_LIBRARY_PATH'],
];
/** Read by the loader or the runtime before our first line: whoever set them ran already. */
const DANGEROUS =
  /^(LD_|GCONV_PATH$|MALLOC_|GLIBC_TUNABLES$|NODE_|OPENSSL_|SSL_|ELECTRON_(?!RUN_AS_NODE$))/;

/** Names of variables that an elevated helper must not have been started with. */
export const dangerousIn = (environment: NodeJS.ProcessEnv): string[] =>
  Object.keys(environment).filter((name) => DANGEROUS.test(name));

/** Removes everything that is not needed. */
export function cleanEnvironment(environment: NodeJS.ProcessEnv, isElevated: boolean): void {
  const kept = isElevated ? KEPT : KEPT_UNELEVATED;
  for (const name of Object.keys(environment)) {
    if (!kept.includes(name)) Reflect.deleteProperty(environment, name);
  }
}
