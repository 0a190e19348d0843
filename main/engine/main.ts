import { z } from 'zod';

import { invariant } from '#shared/invariant.ts';
import type { PortMessage } from '#shared/ipc/contract.ts';

import { Engine } from './engine.ts';
import { findParent, type WindowPort } from './parent.ts';
import { portRequestSchema } from './request-schemas.ts';

/** Messages of the parent; see README.md. */
const parentMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('connect') }),
  z.object({ type: z.literal('request'), request: portRequestSchema }),
  z.object({
    type: z.literal('data'),
    call: z.int(),
    sessionId: z.int(),
    from: z.string().max(1000),
  }),
  z.object({ type: z.literal('shutdown') }),
]);

/** The value of `--NAME=VALUE`; null: not given. */
function setting(name: string): string | null {
  const prefix = `--${name}=`;
  const found = process.argv.find((argument) => argument.startsWith(prefix));
  return found === undefined ? null : found.slice(prefix.length);
}

function run(): void {
  const parent = findParent();
  invariant(parent !== null, 'the engine is started by the app, not by hand');
  const ports = new Set<WindowPort>();
  let repliesToParent = false;
  const engine = new Engine({
    dataFolder: setting('data-folder'),
    version: setting('version') ?? '',
    emit: (event) => {
      for (const port of ports) port.postMessage(event);
      if (repliesToParent) parent.send({ type: 'message', message: event });
    },
  });

  const answer = async (raw: unknown, reply: (message: PortMessage) => void): Promise<void> => {
    const request = portRequestSchema.safeParse(raw);
    // Nobody can be told: an answer needs a call number.
    if (request.success) reply(await engine.handle(request.data));
    else process.stderr.write(`A request made no sense: ${request.error.message}\n`);
  };

  const connect = (port: WindowPort): void => {
    ports.add(port);
    port.on('message', ({ data }) => void answer(data, (message) => port.postMessage(message)));
    port.on('close', () => ports.delete(port));
    port.start();
  };

  const sendData = async (call: number, sessionId: number, from: string): Promise<void> => {
    const bytes = await engine.deltaBytes(sessionId, from);
    const outcome = bytes.ok ? { ok: true, bytes: bytes.value } : { ok: false, error: bytes.error };
    parent.send({ type: 'data', call, ...outcome });
  };

  let isEnding = false;
  const end = async (): Promise<void> => {
    if (isEnding) return;
    isEnding = true;
    await engine.shutDown();
    parent.send({ type: 'closed' });
    // The message leaves before the process does.
    setImmediate(() => process.exit(0));
  };

  parent.listen((raw, windowPorts) => {
    const parsed = parentMessageSchema.safeParse(raw);
    if (!parsed.success) {
      process.stderr.write(`A message of the app made no sense: ${parsed.error.message}\n`);
      return;
    }
    const message = parsed.data;
    switch (message.type) {
      case 'connect':
        windowPorts.forEach(connect);
        break;
      case 'request':
        repliesToParent = true;
        void answer(message.request, (reply) => parent.send({ type: 'message', message: reply }));
        return;
      case 'data':
        return void sendData(message.call, message.sessionId, message.from);
      case 'shutdown':
        return void end();
    }
  });
  parent.whenLost(() => void end());
  process.once('SIGTERM', () => void end());
  process.once('SIGINT', () => void end());
  parent.send({ type: 'ready' });
}

run();
