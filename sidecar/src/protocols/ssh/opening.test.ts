import { describe, expect, test } from '@jest/globals';
import { Playback } from '../playback.ts';
import type { Credential } from '../protocol.ts';
import { type Field, FrameReader, MessageReader, textOf, writeFrame } from './codec.ts';
import { MESSAGE } from './messages.ts';
import { SshSession } from './session.ts';
import { TargetLogin } from './target-login.ts';
import { sshExhibit } from './testing/exhibit.ts';

const LIMITS = { frameBytesMax: 1 << 20, pendingCommandsMax: 64, preparedMax: 64 };
const SERVICE = 'ssh-connection';

function openPlayback(identitySource: 'Token' | 'Workload'): Playback {
  const options = { ...sshExhibit.sessionOptions(LIMITS), identitySource, shared: undefined };
  const playback = new Playback(new SshSession(options), sshExhibit.answers);
  playback.agent(writeFrame(MESSAGE.serviceRequest, 'ssh-userauth'));
  return playback;
}

function told(playback: Playback): readonly Uint8Array[] {
  const reader = new FrameReader(1 << 20);
  reader.feed(playback.sent('Agent'));
  const messages: Uint8Array[] = [];
  for (let one = reader.next(); one !== undefined && one !== 'TooLarge'; one = reader.next()) messages.push(one);
  return messages;
}

const tokenIn = (playback: Playback): unknown => {
  const asked = playback.trace.find(({ kind }) => kind === 'Identify');
  return asked === undefined ? undefined : (JSON.parse(asked.details) as { token?: string }).token;
};

const request = (method: string, ...rest: readonly Field[]): Uint8Array =>
  writeFrame(MESSAGE.userauthRequest, 'agent', SERVICE, method, ...rest);

describe('who it is', () => {
  test('a token comes as a password, after ways that are not taken', () => {
    const playback = openPlayback('Token');
    playback.agent(request('none'));
    playback.agent(request('publickey', false, 'ssh-ed25519', 'a key'));
    expect(tokenIn(playback)).toBeUndefined();
    playback.agent(request('password', false, 'a token'));
    expect(tokenIn(playback)).toBe('a token');
    expect(told(playback).map(([type]) => type)).toEqual([
      MESSAGE.serviceAccept,
      MESSAGE.userauthFailure,
      MESSAGE.userauthFailure,
    ]);
  });

  test('a token comes as the answer to the question, and only to a question', () => {
    const playback = openPlayback('Token');
    playback.agent(request('keyboard-interactive', '', ''));
    const question = Buffer.from(told(playback).at(-1) ?? []);
    expect(question[0]).toBe(MESSAGE.userauthMore);
    // What programs look for that answer with a password.
    expect(question.toString()).toContain('assword:');
    playback.agent(writeFrame(MESSAGE.userauthInfoResponse, { uint32: 1 }, 'a token'));
    expect(tokenIn(playback)).toBe('a token');
    const unasked = openPlayback('Token');
    unasked.agent(writeFrame(MESSAGE.userauthInfoResponse, { uint32: 1 }, 'a token'));
    expect([unasked.closed, tokenIn(unasked)]).toEqual([true, undefined]);
  });

  test.each(['none', 'keyboard-interactive'])('in Workload mode %s is enough', (method) => {
    const playback = openPlayback('Workload');
    playback.agent(method === 'none' ? request(method) : request(method, '', ''));
    expect(playback.trace.some(({ kind }) => kind === 'Identify')).toBe(true);
  });

  test.each([
    [20, false],
    [21, true],
  ])('%d tries without a token: the session ends is %s', (tries, ends) => {
    const playback = openPlayback('Token');
    for (let index = 0; index < tries; index += 1) playback.agent(request('none'));
    expect(playback.closed).toBe(ends);
  });

  test('a channel before it is known ends the session', () => {
    const playback = openPlayback('Token');
    playback.agent(writeFrame(MESSAGE.channelOpen, 'session', { uint32: 0 }, { uint32: 1 }, { uint32: 1 }));
    expect([playback.closed, playback.violations]).toEqual([true, []]);
  });
});

describe('the login at the target', () => {
  const credential: Credential = { username: 'gate', password: 'hunter2' };
  const failure = (methods: string): Uint8Array => writeFrame(MESSAGE.userauthFailure, methods, false).subarray(4);
  const accept = writeFrame(MESSAGE.serviceAccept, 'ssh-userauth').subarray(4);

  function methodOf(step: ReturnType<TargetLogin['receive']>): string {
    if (step.kind !== 'Send') return step.kind;
    const reader = new MessageReader(step.bytes.subarray(4));
    reader.text();
    reader.text();
    return reader.text();
  }

  test('a password, then the password as an answer, then no more', () => {
    const login = new TargetLogin(credential, new Uint8Array(32));
    login.begin();
    expect(methodOf(login.receive(accept))).toBe('password');
    expect(methodOf(login.receive(failure('keyboard-interactive')))).toBe('keyboard-interactive');
    const question = writeFrame(MESSAGE.userauthMore, '', '', '', { uint32: 1 }, 'Password: ', false).subarray(4);
    const answer = login.receive(question);
    expect(answer.kind === 'Send' && textOf(answer.bytes).includes('hunter2')).toBe(true);
    expect(methodOf(login.receive(failure('password')))).toBe('Failed');
  });

  test('a way that the server does not take is left out', () => {
    const login = new TargetLogin(credential, new Uint8Array(32));
    expect(methodOf(login.receive(accept))).toBe('password');
    expect(methodOf(login.receive(failure('publickey,hostbased')))).toBe('Failed');
  });

  test('a server that lets in, or refuses, who did not ask is not believed', () => {
    const success = writeFrame(MESSAGE.userauthSuccess).subarray(4);
    expect(new TargetLogin(credential, new Uint8Array(32)).receive(success).kind).toBe('Failed');
    expect(new TargetLogin(credential, new Uint8Array(32)).receive(failure('password')).kind).toBe('Failed');
  });

  test('a private key that cannot be read is said to be the reason', () => {
    const login = new TargetLogin({ ...credential, password: '', privateKey: 'no key' }, new Uint8Array(32));
    login.receive(accept);
    expect(login.receive(failure('publickey'))).toMatchObject({
      kind: 'Failed',
      reason: expect.stringContaining('private key cannot be read'),
    });
  });
});
