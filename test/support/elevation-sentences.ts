/**
 * What a person reads where a recording was not authorized, written down here once more: a changed sentence
 * is to be noticed. Title, reason and next step.
 */
const OPENING = 'Opening a recorded session needs no privileges.';
const AGAIN = 'Record again to be asked again. Opening a recorded session needs no privileges.';

export const SENTENCES = {
  dismissed: [
    'The authentication was cancelled',
    'The dialog that asks for the password was closed, so nothing was recorded.',
    AGAIN,
  ],
  refused: [
    'Recording was not authorized',
    'polkit said no: the password was wrong, or a rule of this machine does not let you record.',
    `Try again, or ask the administrator to allow org.emberscope.record-own or org.emberscope.record-system. ${OPENING}`,
  ],
  'no-agent': [
    'Nothing here can ask for a password',
    'This session has no polkit authentication agent, as is usual over SSH, in containers and under bare window managers.',
    `Use "sudo emberscope record …" in a terminal, start the desktop's polkit agent, or have the administrator run "sudo emberscope install-helper --group NAME". ${OPENING}`,
  ],
  'no-pkexec': [
    'pkexec is not installed',
    'Emberscope asks for the privileges of a recording by pkexec, a part of polkit.',
    `Install it ("sudo apt install pkexec polkitd" on Debian and Ubuntu, "sudo dnf install polkit" on Fedora), or use "sudo emberscope record …". ${OPENING}`,
  ],
  'policy-missing': [
    'The polkit policy of Emberscope is missing',
    '/usr/share/polkit-1/actions/org.emberscope.policy is not there, so polkit does not know what to ask.',
    `Install Emberscope again, or run "sudo emberscope install-helper". ${OPENING}`,
  ],
  'helper-missing': [
    'Recording needs more privileges',
    'Sampling with eBPF needs CAP_BPF and CAP_PERFMON, and the helper that asks for them is not installed.',
    `Install it once with "sudo emberscope install-helper", or start Emberscope with sudo, for example "sudo emberscope record …". ${OPENING} "emberscope doctor" shows what works here.`,
  ],
  killed: [
    'The recording helper ended unexpectedly',
    'It ended by signal SIGKILL. Everything it had delivered is in the session.',
    'Record again. If it happens again, please report it with the text above.',
  ],
} as const;

/** The next step where a part of the installation could be changed by others. */
export const UNSAFE_STEP =
  'It was not started, because whoever can change it could become root. Install Emberscope again, or run "sudo emberscope install-helper", and find out who changed it.';
