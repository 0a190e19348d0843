/** The import rule of ARCHITECTURE.md, as errors. Each folder sees main/shared, itself, and what is listed. */
const OURS = '^(main|renderer)/';

/** Only files matching `from` may import npm package (or node built-in) `pkg`. */
const onlyFrom = (name, pkg, from) => ({
  name,
  severity: 'error',
  from: { path: OURS, pathNot: from },
  to: { path: `(^|/)node_modules/(${pkg})(/|$)|^(${pkg})$` },
});

/** `path` may import itself, main/shared and the folders in `may`. */
const folder = (name, path, may) => ({
  name,
  severity: 'error',
  from: { path: `^${path}/` },
  to: { path: OURS, pathNot: `^(${[path, 'main/shared', ...may].join('|')})/` },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'nothing-unresolved',
      severity: 'error',
      from: { path: OURS },
      to: { couldNotResolve: true, pathNot: '^electron$' },
    },
    {
      name: 'shared-is-pure',
      severity: 'error',
      from: { path: '^main/shared/' },
      to: { pathNot: '^main/shared/' },
    },
    onlyFrom('koffi-only-in-ffi', 'koffi', '^main/ffi/'),
    onlyFrom('sqlite3-only-in-connection', 'sqlite3', '^main/store/connection\\.ts$'),
    onlyFrom('electron-only-in-app-and-preload', 'electron', '^main/(app|preload)/'),
    onlyFrom('d3-only-in-charts', 'd3', '^renderer/charts/'),
    onlyFrom('commander-only-in-cli', 'commander', '^main/cli/'),
    onlyFrom('zod-only-at-trust-boundaries', 'zod', '^main/(engine|helper|capture/wire)/'),
    {
      name: 'renderer-has-no-node',
      severity: 'error',
      from: { path: '^renderer/' },
      to: { dependencyTypes: ['core'] },
    },
    folder('ffi', 'main/ffi', []),
    folder('bpf', 'main/bpf', ['main/ffi']),
    folder('helper', 'main/helper', [
      'main/bpf',
      'main/ffi',
      'main/elf',
      'main/unwind',
      'main/capture/wire',
    ]),
    folder('store', 'main/store', []),
    folder('elf', 'main/elf', []),
    folder('symbolize', 'main/symbolize', ['main/ffi', 'main/elf', 'main/unwind']),
    folder('unwind', 'main/unwind', ['main/elf']),
    folder('export', 'main/export', []),
    folder('import', 'main/import', []),
    folder('elevate', 'main/elevate', []),
    folder('capture', 'main/capture', ['main/store', 'main/symbolize', 'main/elevate']),
    folder('engine', 'main/engine', [
      'main/capture',
      'main/store',
      'main/symbolize',
      'main/export',
      'main/import',
      'main/bpf',
      'main/elevate',
    ]),
    folder('serve', 'main/serve', ['main/engine']),
    folder('cli', 'main/cli', [
      'main/engine',
      'main/serve',
      'main/capture',
      'main/store',
      'main/export',
      'main/symbolize',
      'main/bpf',
      'main/elevate',
    ]),
    folder('preload', 'main/preload', []),
    folder('app', 'main/app', ['main/serve/page', 'main/elevate']),
    folder('renderer', 'renderer', []),
    {
      name: 'tests-are-not-imported',
      severity: 'error',
      from: { path: OURS },
      to: { path: '^(test|scripts)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
    },
  },
};
