/** Somebody who has an account on a throw-away machine; nobody outside knows him. */
export interface MachineUser {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
  /** Commands that root runs before it becomes him, such as joining his login session; mostly none. */
  readonly entrance: readonly string[];
  /** What his programs find in their environment beyond what all users' do. */
  readonly env: Readonly<Record<string, string>>;
}

/** Adds a user with a home folder: shell script for root. `password` null: none, so that nobody can give it. */
export function addUserScript(
  name: string,
  { groups = [] as readonly string[], password = null as string | null } = {},
): string {
  const home = homeOf(name);
  const more = groups.length === 0 ? '' : `--groups ${groups.join(',')} `;
  return [
    `useradd --create-home --home-dir ${home} --shell /bin/sh ${more}${name}`,
    `install -d -o ${name} -g ${name} -m 0700 ${home}/runtime`,
    ...(password === null ? [] : [`echo '${name}:${password}' | chpasswd`]),
  ].join('\n');
}

export const homeOf = (name: string): string => `/var/tmp/${name}`;

/** What root puts in front of a command to run it as that user, without any capability. */
export function become(user: MachineUser): readonly string[] {
  return [
    ...user.entrance,
    'setpriv',
    ...[`--reuid=${user.name}`, `--regid=${user.name}`, '--init-groups'],
    ...['--inh-caps=-all', '--ambient-caps=-all'],
  ];
}

const PLAIN = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/** The environment of a user's programs, with this process's display. */
export function environmentOf(user: MachineUser): NodeJS.ProcessEnv {
  const { name, home } = user;
  return {
    ...PLAIN,
    ...{ HOME: home, USER: name, LOGNAME: name, SHELL: '/bin/sh' },
    XDG_RUNTIME_DIR: `${home}/runtime`,
    DISPLAY: process.env['DISPLAY'],
    ...(process.env['XAUTHORITY'] === undefined ? {} : { XAUTHORITY: `${home}/.Xauthority` }),
    ...user.env,
  };
}

/** The environment of root's programs. */
export const rootEnvironment = (): NodeJS.ProcessEnv => ({
  ...PLAIN,
  HOME: '/root',
  DEBIAN_FRONTEND: 'noninteractive',
});
