/**
 * What an agent runs to speak as its gate does: `control URL TOKEN` or `store URL TOKEN GATE-UID`, with the root in the environment. A token that
 * begins with @ is read from that file; an empty one is not shown. Bundled into one file and given to `node -` in the agent's container.
 */
import { readFileSync } from 'node:fs';
import { ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { Control } from '@sidegate/policy/control';
import { podSessionId } from '@sidegate/session';
import { Ingest, Reader, UploadResponse_Status as Status } from '@sidegate/session/store';
import { SampleSession } from '../../../store/src/testing/sample-session.ts';

const [service = '', url = '', presented = '', gateId = ''] = process.argv.slice(2);
const token = presented.startsWith('@') ? readFileSync(presented.slice(1), 'utf8') : presented;
const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
const manager = new Http2SessionManager(url, undefined, { ca: process.env['SIDEGATE_ROOT'] ?? '' });
const transport = createGrpcTransport({ baseUrl: url, sessionManager: manager });

async function control(): Promise<string> {
  const enough = new AbortController();
  async function* hello() {
    yield { message: { case: 'hello', value: { program: '0', heldVersion: '' } } } as const;
    // A stream that ends is a gate that leaves.
    await new Promise((resolve) => enough.signal.addEventListener('abort', resolve));
  }
  for await (const { message } of createClient(Control, transport).follow(hello(), { headers })) {
    if (message.case !== 'snapshot') continue;
    enough.abort();
    return `was sent rules: ${Buffer.from(message.value.content).toString()}`;
  }
  return 'was sent no rules';
}

async function store(): Promise<string> {
  const unique = `by-an-agent-${process.pid}-${Date.now()}`;
  const session = new SampleSession(podSessionId(gateId, unique), { gateId, atUs: Date.now() * 1000 });
  const chunks = [session.chunk(session.opened()), session.chunk(...session.command(1, 'select 1'), session.closed())];
  async function* requests() {
    for (const { bytes, sessionId, sha256, firstSequence, lastSequence } of chunks)
      yield {
        chunk: bytes,
        sessionId,
        sha256,
        firstSequence: BigInt(firstSequence),
        lastSequence: BigInt(lastSequence),
      };
  }
  const statuses: string[] = [];
  for await (const { status, message } of createClient(Ingest, transport).upload(requests(), { headers }))
    statuses.push(`${Status[status]} ${message}`);
  return `the store answered ${statuses.join(', ')}`;
}

async function reader(): Promise<string> {
  const { sessions } = await createClient(Reader, transport).listSessions({}, { headers });
  return `read ${sessions.length} sessions`;
}

const services: Readonly<Record<string, () => Promise<string>>> = { control, store, reader };
try {
  process.stdout.write(`${await services[service]?.()}\n`);
} catch (error) {
  const { message } = ConnectError.from(error);
  process.stdout.write(`refused: ${message}\n`);
  process.exitCode = 1;
}
manager.abort();
