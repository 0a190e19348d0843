/**
 * Where a user's recordings and settings live: EMBERSCOPE_DATA, else emberscope below XDG_DATA_HOME. Empty
 * counts as unset, and so does a relative XDG_DATA_HOME, as the XDG base directory specification has it.
 */
export function dataPath(env: Readonly<Record<string, string | undefined>>, home: string): string {
  const named = env['EMBERSCOPE_DATA'];
  if (named !== undefined && named !== '') return named;
  const share = env['XDG_DATA_HOME'];
  return `${share?.startsWith('/') === true ? share : `${home}/.local/share`}/emberscope`;
}
