import type { ElevationFailure, ProfilerError } from '../errors.ts';
import type { ErrorText } from './error-words.ts';

type ElevationError = Extract<
  ProfilerError,
  { kind: 'elevation-failed' | 'helper-version' | 'target-not-own' }
>;

/** What opening a file needs is worth saying wherever a recording was refused. */
const OPENING = 'Opening a recorded session needs no privileges.';
const INSTALL = 'sudo emberscope install-helper';

/** Errors of starting the helper with more privileges than the window has. */
export function describeElevationError(error: ElevationError): ErrorText {
  switch (error.kind) {
    case 'elevation-failed':
      return describeFailure(error.reason, error.detail);
    case 'helper-version':
      return {
        title: 'The installed helper is of another version',
        detail: `The helper says ${error.found}, this program is ${error.expected}.`,
        nextStep: `Install both from the same package, or run "${INSTALL}" again. If Emberscope was updated while it ran, start it again.`,
      };
    case 'target-not-own':
      return {
        title: 'This was authorized for your own processes only',
        detail: `${error.what}.`,
        nextStep:
          'Record the whole machine, which polkit asks about separately, or another process.',
      };
  }
}

function describeFailure(reason: ElevationFailure, detail: string): ErrorText {
  const said = detail === '' ? '' : ` It said: ${detail}`;
  switch (reason) {
    case 'dismissed':
      return {
        title: 'The authentication was cancelled',
        detail: 'The dialog that asks for the password was closed, so nothing was recorded.',
        nextStep: `Record again to be asked again. ${OPENING}`,
      };
    case 'refused':
      return {
        title: 'Recording was not authorized',
        detail:
          'polkit said no: the password was wrong, or a rule of this machine does not let you record.',
        nextStep: `Try again, or ask the administrator to allow org.emberscope.record-own or org.emberscope.record-system. ${OPENING}`,
      };
    case 'no-agent':
      return {
        title: 'Nothing here can ask for a password',
        detail:
          'This session has no polkit authentication agent, as is usual over SSH, in containers and under bare window managers.',
        nextStep: `Use "sudo emberscope record …" in a terminal, start the desktop's polkit agent, or have the administrator run "${INSTALL} --group NAME". ${OPENING}`,
      };
    case 'no-pkexec':
      return {
        title: 'pkexec is not installed',
        detail: 'Emberscope asks for the privileges of a recording by pkexec, a part of polkit.',
        nextStep: `Install it ("sudo apt install pkexec polkitd" on Debian and Ubuntu, "sudo dnf install polkit" on Fedora), or use "sudo emberscope record …". ${OPENING}`,
      };
    case 'pkexec-unusable':
      return {
        title: 'pkexec does not work here',
        detail: `The program that asks for privileges failed.${said}`,
        nextStep: `Is the polkit service running, and pkexec set-user-id root? "sudo emberscope record …" works without it. ${OPENING}`,
      };
    case 'policy-missing':
      return {
        title: 'The polkit policy of Emberscope is missing',
        detail: `${detail === '' ? 'Its file' : detail} is not there, so polkit does not know what to ask.`,
        nextStep: `Install Emberscope again, or run "${INSTALL}". ${OPENING}`,
      };
    case 'helper-missing':
      return {
        title: 'Recording needs more privileges',
        detail:
          'Sampling with eBPF needs CAP_BPF and CAP_PERFMON, and the helper that asks for them is not installed.',
        nextStep: `Install it once with "${INSTALL}", or start Emberscope with sudo, for example "sudo emberscope record …". ${OPENING} "emberscope doctor" shows what works here.`,
      };
    case 'helper-unsafe':
      return {
        title: 'The installed helper cannot be trusted',
        detail: detail === '' ? 'Others than root could change it.' : detail,
        nextStep: `It was not started, because whoever can change it could become root. Install Emberscope again, or run "${INSTALL}", and find out who changed it.`,
      };
    case 'timed-out':
      return {
        title: 'Nobody answered the authentication dialog',
        detail: 'Emberscope waited some minutes and then withdrew the question.',
        nextStep: 'Record again, and answer the dialog. It may be behind other windows.',
      };
  }
}
