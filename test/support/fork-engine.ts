import { fork } from 'node:child_process';

import type { PortMessage } from '../../main/shared/ipc/contract.ts';

/**
 * Stands for the app: forks the engine argv[2] with data folder argv[3], starts a recording, and says
 * "ENGINE_PID PATH"; then waits to be killed.
 */
const engine = fork(process.argv[2] ?? '', [`--data-folder=${process.argv[3] ?? ''}`], {
  serialization: 'advanced',
});
const spec = {
  sources: [{ kind: 'on-cpu' }],
  target: { kind: 'machine' },
  rate: 499,
  mode: 'precise',
  includeIdle: true,
  costLimit: 0.05,
  kernelStacks: true,
  userStacks: true,
  unwind: 'auto',
  duration: null,
};
engine.send({ type: 'request', request: { call: 1, channel: 'capture.start', request: { spec } } });
engine.on('message', (message: { type: string; message: PortMessage }) => {
  if (message.type !== 'message' || !('call' in message.message)) return;
  const { result } = message.message;
  const opened = result.ok ? (result.value as { path: string }).path : JSON.stringify(result.error);
  process.stdout.write(`${engine.pid ?? 0} ${opened}\n`);
});
