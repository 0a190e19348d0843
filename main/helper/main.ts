import * as capabilities from '../bpf/capabilities.ts';
import { CaptureSession } from './capture-session.ts';
import { takeHandover } from './handover.ts';
import { runOpenStage } from './open-stage.ts';
import { isPiped } from './stdio.ts';

/** Entry of the privileged helper: one argument, stdio as pipes. README.md tells the rest. */

/** Product version for the greeting; package.json's, put in by the build. */
declare const EMBERSCOPE_VERSION: string | undefined;

/** Exit codes: 0 done or the engine went away, 1 an error frame was sent, 2 wrongly started. */
const EXIT_USAGE = 2;

function main(): void {
  const args = process.argv.slice(2);
  if (args.length !== 1 || args[0] !== '--stdio' || !isPiped()) {
    process.stderr.write('emberscope-helper: started by emberscope only, with --stdio on pipes\n');
    process.exit(EXIT_USAGE);
  }
  capabilities.forbidInspection();
  const handover = takeHandover();
  if (handover === null) {
    const version = typeof EMBERSCOPE_VERSION === 'string' ? EMBERSCOPE_VERSION : 'development';
    process.exit(runOpenStage(version));
  }
  // The environment is not needed any more, and a child could not gain by it.
  const keep = BigInt(handover.keep);
  capabilities.limitCapabilities(keep, 0n);
  new CaptureSession(handover);
}

main();
