import { invariant } from '#shared/invariant.ts';
import { HELPER_SCOPES, type HelperScope } from '#shared/model/helper-scope.ts';
import * as capabilities from '../bpf/capabilities.ts';
import { CaptureSession } from './capture-session.ts';
import { cleanEnvironment, dangerousIn } from './environment.ts';
import { takeHandover } from './handover.ts';
import { runOpenStage } from './open-stage.ts';
import {
  dieWithParent,
  hasNoNewPrivileges,
  isElevated,
  SCOPE_OPTION,
  watchParent,
} from './parent-watch.ts';
import { logRefusalOnce } from './refusal-log.ts';
import { confineSystemCalls } from './seccomp.ts';
import { exitNow, isPiped } from './stdio.ts';

/** Entry of the privileged helper: stdio as pipes, and from a launcher its scope. README.md tells the rest. */

/** Product version for the greeting; package.json's, put in by the build. */
declare const EMBERSCOPE_VERSION: string | undefined;

/** Exit codes: 0 done or the engine went away, 1 an error frame was sent or a bug, 2 wrongly started. */
const EXIT_BUG = 1;
const EXIT_USAGE = 2;

function main(): void {
  const scope = scopeIn(process.argv.slice(2));
  if (scope === null || !isPiped()) {
    process.stderr.write('emberscope-helper: started by emberscope only, with --stdio on pipes\n');
    process.exit(EXIT_USAGE);
  }
  capabilities.forbidInspection();
  dieWithParent();
  const handover = takeHandover();
  if (handover === null) {
    refuseForeignEnvironment();
    const version = typeof EMBERSCOPE_VERSION === 'string' ? EMBERSCOPE_VERSION : 'development';
    process.exit(runOpenStage(version, scope));
  }
  // The open stage forbade itself more privilege. Whoever was raised by a launcher afterwards was not
  // started by it: the launcher would have given nothing.
  invariant(hasNoNewPrivileges(), 'a handover without an open stage');
  cleanEnvironment(process.env, true);
  const keep = BigInt(handover.keep);
  capabilities.limitCapabilities(keep, 0n);
  watchParent(handover.parent, () => exitNow(0));
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${error.stack ?? String(error)}\n`);
    exitNow(EXIT_BUG);
  });
  confineSystemCalls(keep);
  new CaptureSession(handover);
}

/** The scope that a command line gives; null: it is none of ours. Who starts us directly has the power himself. */
function scopeIn(args: readonly string[]): HelperScope | null {
  const [first, second, ...rest] = args;
  if (first !== '--stdio' || rest.length > 0) return null;
  if (second === undefined) return 'system';
  return HELPER_SCOPES.find((scope) => second === `${SCOPE_OPTION}${scope}`) ?? null;
}

/** Whoever was given power by this start must not steer the runtime; tests may, without. */
function refuseForeignEnvironment(): void {
  const elevated = isElevated();
  const dangerous = elevated ? dangerousIn(process.env) : [];
  if (dangerous.length > 0) {
    const names = dangerous.join(', ');
    logRefusalOnce(`the environment sets ${names}`);
    process.stderr.write(`emberscope-helper: refused, as the environment sets ${names}\n`);
    process.exit(EXIT_USAGE);
  }
  cleanEnvironment(process.env, elevated);
}

main();
