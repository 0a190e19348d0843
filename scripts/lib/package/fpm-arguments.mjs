/**
 * What electron-builder asks of fpm, in fpm's own words.
 * @typedef {object} FpmRequest
 * @property {'deb' | 'rpm'} kind
 * @property {string} output
 * @property {string} name
 * @property {string} version
 * @property {string} architecture
 * @property {string} summary one line
 * @property {string} description paragraphs, divided by a line with a dot
 * @property {string} maintainer
 * @property {string} url
 * @property {string} license
 * @property {string} category
 * @property {readonly string[]} depends
 * @property {readonly string[]} recommends
 * @property {string} afterInstall path of a script
 * @property {string} afterRemove path of a script
 * @property {readonly { from: string, to: string }[]} files a trailing slash on both: the folder's contents
 */

/** Options with one value each. */
const VALUES = new Set([
  ...[
    '-s',
    '-t',
    '--architecture',
    '--after-install',
    '--after-remove',
    '--description',
    '--version',
  ],
  ...['--package', '--name', '--maintainer', '--vendor', '--url', '--category', '--license'],
  ...['--deb-priority', '--deb-compression', '--rpm-os', '--rpm-compression', '--rpm-summary'],
]);
/** Options that may be given more than once. */
const LISTS = new Set(['-d', '--deb-recommends', '--rpm-tag']);
const SWITCHES = new Set(['--force']);

/**
 * Understands exactly the options that electron-builder uses today; an unknown one is an error rather than
 * something silently left out of the package.
 * @param {readonly string[]} args
 * @returns {FpmRequest}
 */
export function parseFpmArguments(args) {
  /** @type {Map<string, string>} */
  const values = new Map();
  /** @type {Map<string, string[]>} */
  const lists = new Map();
  /** @type {{ from: string, to: string }[]} */
  const files = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (SWITCHES.has(arg)) continue;
    if (VALUES.has(arg)) values.set(arg, rest.shift() ?? '');
    else if (LISTS.has(arg)) lists.set(arg, [...(lists.get(arg) ?? []), rest.shift() ?? '']);
    else if (!arg.startsWith('-') && arg.includes('=')) {
      const at = arg.lastIndexOf('=');
      files.push({ from: arg.slice(0, at), to: arg.slice(at + 1) });
    } else throw new Error(`electron-builder asks its packer for something new: ${arg}`);
  }
  /** @param {string} option */
  const value = (option) => {
    const found = values.get(option);
    if (found === undefined) throw new Error(`electron-builder left out ${option}`);
    return found;
  };
  const kind = value('-t');
  if (kind !== 'deb' && kind !== 'rpm') throw new Error(`no packer for ${kind}`);
  if (value('-s') !== 'dir') throw new Error('only folders can be packed');
  // For a deb electron-builder puts the summary in front, as fpm wants it.
  const [first = '', ...more] = value('--description').split('\n');
  const summary = kind === 'deb' ? first : value('--rpm-summary');
  const description = kind === 'deb' ? more.join('\n').trim() : value('--description');
  const recommends = (lists.get('--rpm-tag') ?? []).map((tag) => {
    if (!tag.startsWith('Recommends: ')) throw new Error(`no packer for the tag ${tag}`);
    return tag.slice('Recommends: '.length);
  });
  return {
    kind,
    output: value('--package'),
    name: value('--name'),
    version: value('--version'),
    architecture: value('--architecture'),
    summary,
    description,
    maintainer: value('--maintainer'),
    url: value('--url'),
    license: value('--license'),
    category: value('--category'),
    depends: lists.get('-d') ?? [],
    recommends: [...(lists.get('--deb-recommends') ?? []), ...recommends],
    afterInstall: value('--after-install'),
    afterRemove: value('--after-remove'),
    files,
  };
}
