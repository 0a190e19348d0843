import * as z from 'zod';

import type { EngineEvent, PortMessage } from '#shared/ipc/contract.ts';

import type { Elevate } from '../capture/helper-process.ts';
import { internalError } from '../capture/internal-error.ts';
import { complain } from './complain.ts';
import type { Engine } from './engine.ts';
import type { Parent, WindowPort } from './parent.ts';
import { ParentElevation } from './parent-elevation.ts';
import { portRequestSchema } from './request-schemas.ts';

/** Messages of the parent; see README.md. */
const parentMessageSchema = z.union([
  z.object({ type: z.literal('connect') }),
  z.object({ type: z.literal('request'), request: portRequestSchema }),
  z.object({
    type: z.literal('data'),
    call: z.int(),
    sessionId: z.int(),
    from: z.string().max(1000),
  }),
  z.object({
    type: z.literal('elevated'),
    call: z.int(),
    state: z.literal('started'),
    pid: z.int(),
  }),
  z.object({
    type: z.literal('elevated'),
    call: z.int(),
    state: z.literal('ended'),
    code: z.int().nullable(),
    signal: z.string().nullable(),
    stderr: z.string(),
  }),
  z.object({ type: z.literal('shutdown') }),
]);

/** What an engine's process is made of. */
export interface Service {
  readonly parent: Parent;
  /** `emit` takes what the engine tells unasked; `elevate` has the parent start helpers. */
  readonly makeEngine: (
    emit: (event: EngineEvent) => void,
    elevate: Elevate,
  ) => Pick<Engine, 'handle' | 'deltaBytes' | 'shutDown'>;
  /** Ends this process: 0 in order, 1 when a recording could not be ended properly. */
  readonly exit: (code: number) => void;
}

/** Connects an engine to its parent until the parent ends it or is gone; messages: README.md. */
export function serve({ parent, makeEngine, exit }: Service): void {
  const ports = new Set<WindowPort>();
  let repliesToParent = false;
  const elevation = new ParentElevation((message) => parent.send(message));
  const engine = makeEngine((event) => {
    for (const port of ports) port.postMessage(event);
    if (repliesToParent) parent.send({ type: 'message', message: event });
  }, elevation.elevate);

  const answer = async (raw: unknown, reply: (message: PortMessage) => void): Promise<void> => {
    const request = portRequestSchema.safeParse(raw);
    // Nobody can be told: an answer needs a call number.
    if (request.success) reply(await engine.handle(request.data));
    else complain(`A request made no sense: ${request.error.message}`);
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
    const code = await engine.shutDown().then(
      () => 0,
      (thrown: unknown) => {
        internalError(thrown);
        return 1;
      },
    );
    parent.send({ type: 'closed' });
    // The message leaves before the process does.
    setImmediate(() => exit(code));
  };

  parent.listen((raw, windowPorts) => {
    const parsed = parentMessageSchema.safeParse(raw);
    if (!parsed.success) {
      complain(`A message of the app made no sense: ${parsed.error.message}`);
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
      case 'elevated':
        elevation.receive(message);
        return;
      case 'shutdown':
        return void end();
    }
  });
  parent.whenLost(() => void end());
  process.once('SIGTERM', () => void end());
  process.once('SIGINT', () => void end());
  parent.send({ type: 'ready' });
}
