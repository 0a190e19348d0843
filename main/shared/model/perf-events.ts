/** perf_event_attr.type and .config of an event: perf_event_open(2). */
export interface PerfEventCode {
  readonly perfType: number;
  readonly config: number;
}

const HARDWARE = 0;
const SOFTWARE = 1;
const HARDWARE_CACHE = 3;

/** Names as perf-list(1) has them, by number; several names of one event side by side. */
const SOFTWARE_NAMES: Readonly<Record<string, number>> = {
  'cpu-clock': 0,
  'task-clock': 1,
  'page-faults': 2,
  faults: 2,
  'context-switches': 3,
  cs: 3,
  'cpu-migrations': 4,
  migrations: 4,
  'minor-faults': 5,
  'major-faults': 6,
  'alignment-faults': 7,
  'emulation-faults': 8,
  'cgroup-switches': 11,
};
const HARDWARE_NAMES: Readonly<Record<string, number>> = {
  cycles: 0,
  'cpu-cycles': 0,
  instructions: 1,
  'cache-references': 2,
  'cache-misses': 3,
  branches: 4,
  'branch-instructions': 4,
  'branch-misses': 5,
  'bus-cycles': 6,
  'stalled-cycles-frontend': 7,
  'stalled-cycles-backend': 8,
  'ref-cycles': 9,
};
/** Hardware cache events: cache, operation in the second byte, result in the third. */
const CACHES = ['L1-dcache', 'L1-icache', 'LLC', 'dTLB', 'iTLB', 'branch', 'node'];
const CACHE_RESULTS: readonly (readonly [suffix: string, operation: number, result: number])[] = [
  ['loads', 0, 0],
  ['load-misses', 0, 1],
  ['stores', 1, 0],
  ['store-misses', 1, 1],
  ['prefetches', 2, 0],
  ['prefetch-misses', 2, 1],
];

/** Every event there is a name for; whether this machine has it, opening it tells. */
export const PERF_EVENTS: ReadonlyMap<string, PerfEventCode> = new Map([
  ...coded(SOFTWARE_NAMES, SOFTWARE),
  ...coded(HARDWARE_NAMES, HARDWARE),
  ...CACHES.flatMap((cache, index) =>
    CACHE_RESULTS.map(([suffix, operation, result]): [string, PerfEventCode] => [
      `${cache}-${suffix}`,
      { perfType: HARDWARE_CACHE, config: index | (operation << 8) | (result << 16) },
    ]),
  ),
]);

function coded(
  names: Readonly<Record<string, number>>,
  perfType: number,
): [string, PerfEventCode][] {
  return Object.entries(names).map(([name, config]) => [name, { perfType, config }]);
}

/** The name of an event, the first there is. */
export function perfEventName({ perfType, config }: PerfEventCode): string {
  for (const [name, code] of PERF_EVENTS) {
    if (code.perfType === perfType && code.config === config) return name;
  }
  return `event ${perfType}:${config}`;
}
