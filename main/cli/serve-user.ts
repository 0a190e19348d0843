import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { err, ok, type Result } from '#shared/result.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** An account, passwd(5). */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/**
 * What a live recording may need, with its number in capabilities(7). bpf, perfmon: load and attach; the others:
 * look into processes, tracing files and kernel symbols.
 */
const CAPTURE_CAPABILITIES = {
  bpf: 39,
  perfmon: 38,
  sys_ptrace: 19,
  dac_read_search: 2,
  syslog: 34,
} as const;

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The account that serves in place of root: the one named, else the caller of sudo(8) or pkexec(1). A server that
 * answers a browser is never root. The error is a sentence and what to do.
 */
export function serveAccount(named: string | null): Result<Account, string> {
  const { SUDO_UID, PKEXEC_UID } = process.env;
  const wanted = named ?? (SUDO_UID || PKEXEC_UID || null);
  if (wanted === null) {
    return err(
      'serve does not run as root. Run it as your own user, through sudo, or name a user: --user NAME',
    );
  }
  const account = findAccount(wanted);
  if (account === null) return err(`there is no user "${wanted}"`);
  return account.uid === 0 ? err('serve does not run as root: name another user') : ok(account);
}

function findAccount(nameOrId: string): Account | null {
  const found = spawnSync('getent', ['passwd', '--', nameOrId], {
    encoding: 'utf8',
    env: { PATH },
  });
  const [name = '', , uid, gid, , home = '/'] = found.stdout.trim().split(':');
  return name === '' ? null : { name, uid: Number(uid), gid: Number(gid), home };
}

/**
 * Runs this very command line again as the account, keeping nothing of root but the capabilities above, as far
 * as they are there. Returns its exit code.
 */
export function runAs(account: Account): Promise<ExitCode> {
  const set = keptCapabilities(
    BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(ownStatus())?.[1] ?? '0'}`),
  );
  const args = [
    ...[`--reuid=${account.uid}`, `--regid=${account.gid}`, '--init-groups'],
    ...[`--inh-caps=${set}`, `--ambient-caps=${set}`, `--bounding-set=${set}`],
    ...['--no-new-privs', '--pdeathsig=TERM', '--'],
    ...[process.execPath, ...process.execArgv, ...process.argv.slice(1)],
  ];
  const child = spawn('setpriv', args, { stdio: 'inherit', env: environmentOf(account) });
  // Ctrl-C reaches both; the child ends in order, then we do.
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve((code ?? EXIT.failed) as ExitCode));
  });
}

/**
 * Of those held, a set of bits, what a recording may need, for setpriv(1). By number: on systems that are older than
 * CAP_BPF (libcap-ng of Ubuntu 22.04) it does not know the names.
 */
export function keptCapabilities(held: bigint): string {
  const kept = Object.values(CAPTURE_CAPABILITIES).filter(
    (bit) => ((held >> BigInt(bit)) & 1n) === 1n,
  );
  return ['-all', ...kept.map((bit) => `+cap_${bit}`)].join(',');
}

const ownStatus = (): string => readFileSync('/proc/self/status', 'latin1');

/** Root's environment without root's folders. */
function environmentOf({ name, home }: Account): NodeJS.ProcessEnv {
  const rootsFolders = /^XDG_(?:DATA|CONFIG|CACHE|STATE)_HOME$|^XDG_RUNTIME_DIR$/;
  const kept = Object.entries(process.env).filter(([variable]) => !rootsFolders.test(variable));
  const own = { HOME: home, USER: name, LOGNAME: name };
  const env: NodeJS.ProcessEnv = { ...Object.fromEntries(kept), ...own };
  // The app's own executable behaves as plain Node with this set (Electron documentation).
  if ('electron' in process.versions) env['ELECTRON_RUN_AS_NODE'] = '1';
  return env;
}
