import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FILES, FolderFixture } from '../files/folder-fixture.ts';
import { runFolder } from './folder-run.ts';
import type { RunEvent } from './run-event.ts';

const LIMIT_MS = 120_000;
const PROGRAMS = {
  gate: fileURLToPath(new URL('./testing/fake-gate.ts', import.meta.url)),
  store: fileURLToPath(new URL('./testing/fake-store.ts', import.meta.url)),
};

let folder: FolderFixture;
let state = '';
let stopping: AbortController;

beforeEach(async () => {
  folder = await FolderFixture.create();
  await folder.write(FILES);
  state = mkdtempSync(join(tmpdir(), 'sg-run-'));
  stopping = new AbortController();
});

afterEach(async () => {
  stopping.abort();
  await folder.remove();
  rmSync(state, { recursive: true, force: true });
});

/** A run whose events can be waited for. */
class Run {
  readonly events: RunEvent[] = [];
  readonly ended: Promise<boolean>;
  #watchers = new Set<() => void>();

  constructor(programs = PROGRAMS, explainProgram?: string) {
    this.ended = runFolder({
      folder: folder.path,
      stateFolder: state,
      trustFolder: undefined,
      listen: '127.0.0.1',
      programs,
      environment: {},
      ...(explainProgram === undefined ? {} : { explainProgram }),
      signal: stopping.signal,
      tell: (event) => {
        this.events.push(event);
        for (const look of this.#watchers) look();
      },
    });
  }

  /** The first event of a kind, from number `after` on, that `accept` takes. */
  async next<Kind extends RunEvent['kind']>(
    kind: Kind,
    after = 0,
    accept: (event: Extract<RunEvent, { kind: Kind }>) => boolean = () => true,
  ): Promise<Extract<RunEvent, { kind: Kind }>> {
    for (;;) {
      for (const event of this.events.slice(after)) {
        const found = event.kind === kind ? (event as Extract<RunEvent, { kind: Kind }>) : undefined;
        if (found !== undefined && accept(found)) return found;
      }
      await new Promise<void>((resolve) => {
        const look = (): void => {
          this.#watchers.delete(look);
          resolve();
        };
        this.#watchers.add(look);
      });
    }
  }

  async stop(): Promise<boolean> {
    stopping.abort();
    return this.ended;
  }
}

test(
  'gate and store start, and the doors are told',
  async () => {
    const run = new Run();
    const ready = await run.next('Ready');
    expect(ready).toMatchObject({
      listeners: [{ target: { namespace: 'data', name: 'orders' }, host: '127.0.0.1', port: 40_001 }],
      ownerSocket: join(state, 'owner', 'store.sock'),
      state,
      trust: {
        authority: join(state, 'trust', 'ca.pem'),
        bundle: join(state, 'trust', 'bundle.pem'),
        knownHosts: join(state, 'trust', 'ssh_known_hosts'),
      },
    });
    expect(statSync(state).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(state, 'mask-key'), 'utf8')).toMatch(/^[0-9a-f]{64}$/);
    await expect(run.stop()).resolves.toBe(true);
    expect(run.events.at(-1)).toEqual({ kind: 'Stopped' });
  },
  LIMIT_MS,
);

test(
  'files that are wrong start nothing and leave no state',
  async () => {
    await folder.writeChanged(['policy.yaml', 'action: Deny', 'action: Denied']);
    rmSync(state, { recursive: true });
    const run = new Run();
    await expect(run.ended).resolves.toBe(false);
    expect(run.events).toMatchObject([{ kind: 'Refused', faults: [{ line: 7, field: 'spec.rules[0].action' }] }]);
    expect(() => statSync(state)).toThrow('ENOENT');
  },
  LIMIT_MS,
);

test(
  'a condition that does not compile starts nothing, and the line is told',
  async () => {
    await folder.writeChanged(['policy.yaml', `when: 'true'`, `when: 'command.'`]);
    const run = new Run();
    await expect(run.ended).resolves.toBe(false);
    expect(run.events).toMatchObject([{ kind: 'Refused', faults: [{ line: 10, field: 'spec.rules[1].when' }] }]);
  },
  LIMIT_MS,
);

test(
  'a second run on the same state folder is refused',
  async () => {
    const first = new Run();
    await first.next('Ready');
    const second = new Run();
    await expect(second.ended).resolves.toBe(false);
    expect(second.events).toMatchObject([{ kind: 'Refused', faults: [{ code: 'AlreadyRunning', where: state }] }]);
    await expect(first.stop()).resolves.toBe(true);
  },
  LIMIT_MS,
);

test(
  'a change is applied; a wrong one is told and changes nothing; the mended one is applied',
  async () => {
    const run = new Run();
    await run.next('Ready');
    await folder.writeChanged(['policy.yaml', 'name: no-ddl', 'name: no-schema']);
    const applied = await run.next('Applied');
    expect(applied.listeners).toMatchObject([{ port: 40_001 }]);
    let after = run.events.length;
    await folder.writeChanged(['policy.yaml', 'action: Deny', 'acton: Deny']);
    const unknown = await run.next('Refused', after, ({ faults }) =>
      faults.some(({ code }) => code === 'UnknownField'),
    );
    expect(unknown.faults).toMatchObject([
      { code: 'MissingField' },
      { where: expect.stringContaining('policy.yaml:7 spec.rules[0]') },
    ]);
    after = run.events.length;
    await folder.write(FILES);
    await run.next('Applied', after);
    await expect(run.stop()).resolves.toBe(true);
  },
  LIMIT_MS,
);

test(
  'rules that the gate refuses are told, and those before stay',
  async () => {
    const run = new Run();
    await run.next('Ready');
    await folder.writeChanged(['policy.yaml', 'name: rules', 'name: nack']);
    await run.next('Refused', 0, ({ faults }) => faults.some(({ code }) => code === 'CannotListen'));
    await expect(run.stop()).resolves.toBe(true);
  },
  LIMIT_MS,
);

test.each(['gate', 'store'] as const)(
  'a %s that is killed is started again',
  async (program) => {
    const run = new Run();
    await run.next('Ready');
    const first = run.events.find((event) => event.kind === 'Started' && event.program === program);
    const pid = first?.kind === 'Started' ? first.pid : 0;
    const after = run.events.length;
    process.kill(pid, 'SIGKILL');
    const again = await run.next('Started', after);
    expect(again.program).toBe(program);
    expect(again.pid).not.toBe(pid);
    await run.next('Warning', after, ({ message }) => message.startsWith(`The ${program} ended by SIGKILL`));
    await folder.writeChanged(['policy.yaml', 'name: no-ddl', 'name: no-schema']);
    await run.next('Applied', after);
    await expect(run.stop()).resolves.toBe(true);
  },
  LIMIT_MS,
);

test(
  'a state folder in which something cannot be written is a fault, and ends the run',
  async () => {
    mkdirSync(join(state, 'ingest-token'), { recursive: true });
    const run = new Run();
    await expect(run.ended).resolves.toBe(false);
    expect(run.events).toMatchObject([
      { kind: 'Refused', faults: [{ code: 'BadState', where: state, message: expect.stringContaining('EISDIR') }] },
    ]);
  },
  LIMIT_MS,
);

test(
  'a store that does not start ends the run',
  async () => {
    const run = new Run({ ...PROGRAMS, store: join(folder.path, 'no-such-program.ts') });
    await expect(run.ended).resolves.toBe(false);
    expect(run.events.at(-1)).toMatchObject({ kind: 'Refused', faults: [{ code: 'StoreFailed' }] });
  },
  LIMIT_MS,
);

test(
  'a gate that ends before it takes the first rules ends the run',
  async () => {
    mkdirSync(join(state, 'gate'), { recursive: true });
    writeFileSync(join(state, 'gate', 'end-once'), '');
    const run = new Run();
    await expect(run.ended).resolves.toBe(false);
    expect(run.events).toContainEqual(
      expect.objectContaining({ faults: [expect.objectContaining({ code: 'GateFailed' })] }),
    );
  },
  LIMIT_MS,
);

test(
  'a Target that nobody serves is warned of, and its door is open',
  async () => {
    await folder.write({
      'target.yaml': (FILES['target.yaml'] ?? '').replaceAll('db.local', 'localhost').replace('port: 5432', 'port: 1'),
    });
    const run = new Run();
    await run.next('Ready');
    const warning = await run.next('Warning');
    expect(warning).toMatchObject({ code: 'TargetUnreachable', message: expect.stringContaining('data/orders') });
    await expect(run.stop()).resolves.toBe(true);
  },
  LIMIT_MS,
);

test(
  'nothing is said of how a Target was under rules that are gone by now',
  async () => {
    const asked: Socket[] = [];
    let wasAsked = (): void => undefined;
    const server = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .once('data', () => {
          asked.push(socket);
          wasAsked();
        });
    });
    const nextAsked = (): Promise<void> => new Promise((resolve) => (wasAsked = resolve));
    server.listen(0, '127.0.0.1');
    server.unref();
    await once(server, 'listening');
    const { port } = Object(server.address()) as { readonly port: number };
    const target = (FILES['target.yaml'] ?? '')
      .replaceAll('db.local', 'localhost')
      .replace('port: 5432', `port: ${port}`);
    await folder.write({ 'target.yaml': target });
    let question = nextAsked();
    const run = new Run(PROGRAMS, fileURLToPath(new URL('./testing/fake-explain.ts', import.meta.url)));
    await question;
    question = nextAsked();
    await folder.write({ 'target.yaml': target.replace('pa55', 'mended') });
    await question;
    // The first is answered late, and then the second.
    const [first] = asked;
    const isOver = first === undefined ? undefined : once(first, 'close');
    first?.end();
    await isOver;
    asked[1]?.end();
    await run.next('Warning', 0, ({ message }) => message.includes('Not with mended.'));
    await expect(run.stop()).resolves.toBe(true);
    expect(run.events.filter(({ kind }) => kind === 'Warning')).toHaveLength(1);
  },
  LIMIT_MS,
);
