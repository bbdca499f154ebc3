import { lstatSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { GateAnswer, GateQuestion, HeldApproval, Snapshot } from '@sidegate/crds';
import { COMMANDS } from '../commands.ts';
import { runProgram } from '../program.ts';
import { runSocketIn } from '../state-folder.ts';
import { TestTerminal } from '../testing/test-terminal.ts';
import { OwnerDesk } from './owner-desk.ts';
import { REQUEST_BYTES_MAX } from './owner-request.ts';
import { type OwnerSocket, openOwnerSocket } from './owner-socket.ts';
import { WAITING } from './testing/waiting-approval.ts';

let state = '';
let socket: OwnerSocket | undefined;
let questions: GateQuestion[] = [];
let owner: Snapshot['owner'];
let answer: GateAnswer | undefined;

beforeEach(async () => {
  state = mkdtempSync(join(tmpdir(), 'sg-owner-'));
  questions = [];
  owner = undefined;
  const desk = new OwnerDesk({
    user: 'dan',
    owner: () => owner,
    ask: async (question) => {
      questions.push(question);
      return answer;
    },
  });
  const opened = await openOwnerSocket(runSocketIn(state), (request) => desk.answer(request));
  if (!opened.ok) throw new Error(opened.fault.message);
  socket = opened.value;
});

afterEach(() => {
  socket?.close();
  rmSync(state, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
}

async function sidegate(...parameters: readonly string[]): Promise<Ran> {
  const terminal = new TestTerminal();
  const code = await runProgram(COMMANDS, [...parameters, '--state', state], terminal);
  return { code, out: terminal.written, errors: terminal.errors.join('\n') };
}

const decided = (changed: Partial<HeldApproval>): GateAnswer => ({
  kind: 'Decided',
  approval: { ...WAITING, ...changed },
});

describe('the socket', () => {
  test('is for its owner alone', () => {
    expect(statSync(join(state, 'owner')).mode & 0o777).toBe(0o700);
    expect(lstatSync(runSocketIn(state)).mode & 0o777).toBe(0o600);
  });

  test('is left to the process that serves it, and taken over from one that is gone', async () => {
    const again = await openOwnerSocket(runSocketIn(state), async () => decided({}));
    expect(again).toMatchObject({ ok: false, fault: { code: 'OwnerSocketTaken' } });
    const left = join(state, 'left', 'run.sock');
    const first = await openOwnerSocket(left, async () => decided({}));
    if (first.ok) first.value.close();
    const second = await openOwnerSocket(left, async () => decided({}));
    expect(second.ok).toBe(true);
    if (second.ok) second.value.close();
  });

  test('does not remove a file that is no socket', async () => {
    mkdirSync(join(state, 'other'));
    const path = join(state, 'other', 'run.sock');
    writeFileSync(path, 'mine');
    expect(await openOwnerSocket(path, async () => decided({}))).toMatchObject({
      ok: false,
      fault: { code: 'CannotListen' },
    });
    expect(statSync(path).isFile()).toBe(true);
  });

  test.each([
    ['no JSON', 'what\n'],
    ['an unknown request', '{"kind":"Stop"}\n'],
    ['a verdict that is none', '{"kind":"Decide","approval":"x","verdict":"Perhaps","reason":""}\n'],
    ['a name for who decides', '{"kind":"Kill","which":{"session":"x","by":"eve"},"reason":""}\n'],
    ['a kill of everything', '{"kind":"Kill","which":{},"reason":""}\n'],
    ['a request that never ends', 'x'.repeat(REQUEST_BYTES_MAX)],
  ])('refuses %s', async (_, line) => {
    const said = await new Promise<string>((resolve) => {
      const client = connect(runSocketIn(state), () => client.write(line));
      let text = '';
      client.on('data', (bytes) => {
        text += bytes.toString();
      });
      client.on('end', () => resolve(text));
    });
    expect(JSON.parse(said)).toMatchObject({ kind: 'Fault', code: 'BadRequest' });
    expect(questions).toEqual([]);
  });
});

describe('approvals', () => {
  test('shows the whole command, and proved and claimed identity apart', async () => {
    answer = {
      kind: 'Approvals',
      approvals: [{ ...WAITING, text: 'delete\nfrom \u001b[2J orders', binds: ['7', null] }],
    };
    const { code, out } = await sidegate('approvals');
    expect(code).toBe(0);
    expect(out).toContain('k7m2p  waits');
    expect(out).toContain('who       bot (corporate; groups unknown)');
    expect(out).toContain('claims    agent=helper');
    expect(out).toContain('command   delete\n            from \\x1b[2J orders');
    expect(out).toContain('$1        7\n  $2        NULL');
  });

  test('leaves out what is over, unless asked', async () => {
    answer = { kind: 'Approvals', approvals: [{ ...WAITING, state: 'Refused' }] };
    expect(await sidegate('approvals')).toMatchObject({ code: 0, out: '', errors: 'Nothing waits.' });
    expect((await sidegate('approvals', '--all', '--json')).out).toBe(
      `${JSON.stringify({ ...WAITING, state: 'Refused' })}\n`,
    );
  });
});

describe('approve and refuse', () => {
  test('sign with the user who runs the gate and what the Configuration says of them', async () => {
    answer = decided({ state: 'Approved' });
    expect(await sidegate('approve', 'k7m2p')).toMatchObject({ code: 0, out: 'k7m2p is approved.\n' });
    owner = { subject: 'dan@corp', groups: ['dba'] };
    answer = decided({ state: 'Refused' });
    expect(await sidegate('refuse', 'k7m2p', '--reason', 'not now')).toMatchObject({
      code: 0,
      out: 'k7m2p is refused.\n',
    });
    expect(questions).toEqual([
      {
        kind: 'Decide',
        approval: 'k7m2p',
        verdict: 'Approve',
        reason: '',
        by: { user: 'dan', subject: 'dan', groups: [] },
      },
      {
        kind: 'Decide',
        approval: 'k7m2p',
        verdict: 'Refuse',
        reason: 'not now',
        by: { user: 'dan', subject: 'dan@corp', groups: ['dba'] },
      },
    ]);
  });

  test('say how many approvals are missing', async () => {
    answer = decided({ needed: 2, votes: [{ user: 'dan', verdict: 'Approve', reason: '', atMs: 1 }] });
    expect((await sidegate('approve', 'k7m2p')).out).toBe('k7m2p has 1 of 2 approvals.\n');
  });

  test('a refusal without a reason is no refusal', async () => {
    expect(await sidegate('refuse', 'k7m2p')).toMatchObject({ code: 2 });
    expect(questions).toEqual([]);
  });

  test.each([
    ['UnknownApproval', 'Nothing is known of an approval zz.'],
    ['Ended', 'This request is approved already.'],
    ['Expired', 'The time to decide this request is over.'],
  ])('tell a fault of the gate: %s', async (code, message) => {
    answer = { kind: 'Fault', code, message };
    const ran = await sidegate('approve', 'zz', '--json');
    expect(ran.code).toBe(1);
    expect(ran.errors).toContain(message);
    expect(JSON.parse(ran.out)).toEqual({ kind: 'Fault', code, message });
  });

  test('say what to do when the owner is in none of the groups', async () => {
    answer = {
      kind: 'Fault',
      code: 'NotApprover',
      message: 'dan is no approver of this rule.',
      mend: 'Approvers are group dba.',
    };
    const { errors } = await sidegate('approve', 'k7m2p');
    expect(errors).toContain('Approvers are group dba. If that is you, say so in the Configuration under owner.groups');
  });
});

describe('kill', () => {
  test.each([
    [['a-session'], { session: 'a-session' }],
    [['--subject', 'bot'], { subject: 'bot' }],
    [['--agent', 'agents/bot'], { agent: 'agents/bot' }],
  ])('%j', async (parameters, which) => {
    answer = { kind: 'Killed', sessions: ['a-session'] };
    expect(await sidegate('kill', ...parameters, '--reason', 'enough')).toMatchObject({
      code: 0,
      out: 'a-session is ended.\n',
    });
    expect(questions).toEqual([{ kind: 'Kill', which, by: 'dan', reason: 'enough' }]);
  });

  test.each([[[]], [['a-session', '--subject', 'bot']], [['--subject', 'bot', '--agent', 'x']]])(
    '%j is refused',
    async (parameters) => {
      expect(await sidegate('kill', ...parameters)).toMatchObject({ code: 2 });
      expect(questions).toEqual([]);
    },
  );

  test('says so when no session fits', async () => {
    answer = { kind: 'Killed', sessions: [] };
    expect(await sidegate('kill', 'nobody-there')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('No open session fits.'),
    });
  });
});

test('metrics prints what the gate counts', async () => {
  answer = { kind: 'Metrics', text: 'sidegate_gate_sessions 1\n' };
  expect((await sidegate('metrics')).out).toBe('sidegate_gate_sessions 1\n');
});

test('while the gate is started again, that is said', async () => {
  answer = undefined;
  expect(await sidegate('approvals')).toMatchObject({
    code: 1,
    errors: expect.stringContaining('The gate is being started again.'),
  });
});

test.each(['approvals', 'metrics'])('%s says so where nothing runs', async (command) => {
  socket?.close();
  expect(await sidegate(command)).toMatchObject({ code: 1, errors: expect.stringContaining('sidegate run') });
});
