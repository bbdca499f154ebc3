import { describe, expect, test } from '@jest/globals';
import type { Playback } from '../playback.ts';
import type { JudgedCommand, Refusal } from '../protocol.ts';
import { MessageReader, writeData, writeFrame } from './codec.ts';
import { MESSAGE } from './messages.ts';
import { MASKS, NO_SSH_MASKS, sshExhibit } from './testing/exhibit.ts';
import { exec, openPlayback, sentBy, typesOf, u32 } from './testing/ssh-playback.ts';

const REFUSAL: Refusal = { kind: 'Denied', rule: 'forward', reason: 'No rule allows it.', hint: '' };
const OVERRUN: Refusal = { kind: 'LimitExceeded', rule: 'data/guard/budget', reason: 'It is used up.', hint: '' };
const WINDOW = 100;
const PACKET = 40;
/** Who the agent says that it is. */
const ORIGIN = ['192.0.2.9', u32(40_000)] as const;
/** The agent's number for its forward; the gate's is the first that is free, and the target's another. */
const AGENT = 7;
const GATE = 0;
const TARGET = 55;

type Verdict = 'Forward' | 'Hold' | Refusal;

const ANSWERS = {
  masks: NO_SSH_MASKS,
  settle: ({ text }: JudgedCommand): Verdict =>
    text.includes('denied') ? REFUSAL : text.includes('held') ? 'Hold' : 'Forward',
};

const open = (host = 'db.internal', port = 5432, number = AGENT): Uint8Array =>
  writeFrame(MESSAGE.channelOpen, 'direct-tcpip', u32(number), u32(WINDOW), u32(PACKET), host, u32(port), ...ORIGIN);
const confirm = (gate = GATE, target = TARGET): Uint8Array =>
  writeFrame(MESSAGE.channelOpenConfirmation, u32(gate), u32(target), u32(WINDOW), u32(PACKET));
const fail = (code: number, text: string, gate = GATE): Uint8Array =>
  writeFrame(MESSAGE.channelOpenFailure, u32(gate), u32(code), text, '');
const data = (to: number, text: string): Uint8Array => writeData(to, false, Buffer.from(text));
const eof = (to: number): Uint8Array => writeFrame(MESSAGE.channelEof, u32(to));
const close = (to: number): Uint8Array => writeFrame(MESSAGE.channelClose, u32(to));

/** A session that is open and has no channel yet. */
const start = (options: Parameters<typeof openPlayback>[1] = {}): Playback =>
  openPlayback(sshExhibit.opening.slice(0, 4), { ...ANSWERS, ...options });

function forwarding(): Playback {
  const playback = start();
  playback.agent(open());
  playback.target(confirm());
  return playback;
}

const toTarget = (playback: Playback, act: () => void): readonly Uint8Array[] => sentBy(playback, 'Target', act);
const toAgent = (playback: Playback, act: () => void): readonly Uint8Array[] => sentBy(playback, 'Agent', act);
const countOf = (playback: Playback, kind: string): number =>
  playback.trace.filter((entry) => entry.kind === kind).length;
const detailsOf = (playback: Playback, kind: string): readonly string[] =>
  playback.trace.filter((entry) => entry.kind === kind).map(({ details }) => details);
const finished = (playback: Playback): readonly string[] => detailsOf(playback, 'Finished');
const asText = (messages: readonly Uint8Array[]): string => Buffer.concat(messages).toString('latin1');

/** The fields of an open for the target. */
function openedAs(message: Uint8Array | undefined): readonly (string | number)[] {
  const reader = new MessageReader(message ?? new Uint8Array(0));
  const fields = [reader.text(), reader.uint32(), reader.uint32(), reader.uint32(), reader.text(), reader.uint32()];
  return reader.whole ? fields : [];
}

describe('opening a forward', () => {
  test('one that is refused reaches nobody: the agent gets the reason, and the record what it asked for', () => {
    const playback = start();
    let told: readonly Uint8Array[] = [];
    expect(toTarget(playback, () => (told = toAgent(playback, () => playback.agent(open('denied.internal')))))).toEqual(
      [],
    );
    expect(typesOf(told)).toEqual([MESSAGE.channelOpenFailure]);
    const reader = new MessageReader(told[0] ?? new Uint8Array(0));
    expect([reader.uint32(), reader.uint32(), reader.text()]).toEqual([
      AGENT,
      1,
      'sidegate: denied: forward: No rule allows it.',
    ]);
    expect(detailsOf(playback, 'Judge')).toEqual([expect.stringContaining('"direct-tcpip denied.internal 5432"')]);
    expect(detailsOf(playback, 'Judge')).toEqual([expect.stringContaining('"denied.internal:5432"')]);
    expect(finished(playback)).toEqual([expect.stringContaining('Refused')]);
    expect([countOf(playback, 'Remark'), playback.closed, playback.violations]).toEqual([1, false, []]);
  });

  test('one that is allowed is opened with its permit, and the agent hears of it once the target has opened it', () => {
    const playback = start();
    let told: readonly Uint8Array[] = [];
    const [asked] = toTarget(playback, () => (told = toAgent(playback, () => playback.agent(open('DB.Internal.')))));
    expect(openedAs(asked)).toEqual(['direct-tcpip', GATE, WINDOW, PACKET, 'db.internal', 5432]);
    expect(asText([asked ?? Buffer.alloc(0)])).not.toContain(ORIGIN[0]);
    expect(told).toEqual([]);
    expect(typesOf(toAgent(playback, () => playback.target(confirm())))).toEqual([MESSAGE.channelOpenConfirmation]);
    expect(playback.violations).toEqual([]);
  });

  test('what an approval is bound to does not hang on who asked when, but on where it leads', () => {
    const wires = [open(), open('db.internal', 5432, 8), open('DB.internal'), open('db.internal', 5433)].map(
      (bytes) => {
        const playback = start();
        playback.agent(bytes);
        return detailsOf(playback, 'Judge').map((details) => /"wire":"([^"]*)"/.exec(details)?.[1]);
      },
    );
    expect(wires[1]).toEqual(wires[0]);
    expect(wires[2]).toEqual(wires[0]);
    expect(wires[3]).not.toEqual(wires[0]);
  });

  test('one that is held says so, and is opened once it may', () => {
    const playback = start();
    const told = toAgent(playback, () => playback.agent(open('held.internal')));
    expect(typesOf(told)).toEqual([MESSAGE.debug, MESSAGE.debug]);
    expect(asText(told)).toContain('sidegate: waiting: It waits for a human.');
    expect(playback.trace.map(({ kind }) => kind).slice(-3)).toEqual(['Judge', 'ToAgent', 'ToTarget']);
    expect(typesOf(toAgent(playback, () => playback.target(confirm())))).toEqual([MESSAGE.channelOpenConfirmation]);
  });

  test.each([
    [2, 'Connection refused', 'Connection refused'],
    [1, 'no\u001b[2J\r\nforwards', 'no [2J forwards'],
    [4, '', ''],
  ])('where the target gives code %d the agent gets it too, and the record', (code, said, shown) => {
    const playback = start();
    playback.agent(open());
    const told = toAgent(playback, () => playback.target(fail(code, said)));
    const reader = new MessageReader(told[0] ?? new Uint8Array(0));
    expect(typesOf(told)).toEqual([MESSAGE.channelOpenFailure]);
    expect([reader.uint32(), reader.uint32(), reader.text()]).toEqual([
      AGENT,
      code,
      `The target opens no channel: ${shown}`,
    ]);
    expect(finished(playback)).toEqual([expect.stringContaining(`OPEN_FAILURE ${code}`)]);
    // Its number is free again.
    expect(openedAs(toTarget(playback, () => playback.agent(open()))[0])[1]).toBe(GATE);
    expect([playback.closed, playback.violations]).toEqual([false, []]);
  });

  test.each([
    ['no host', '', 22],
    ['a zone', 'fe80::1%eth0', 22],
    ['the server itself, by the unspecified address', '0.0.0.0', 22],
    ['no port', 'db.internal', 0],
    ['a port that is too large', 'db.internal', 65_536],
    ['a port that is cut to sixteen bits somewhere', 'db.internal', 65_536 + 5432],
    ['a socket of the server, as some read it', '/run/docker.sock', 0xffff_fffe],
  ])('one to %s is refused without asking anybody, and remarked', (_what, host, port) => {
    const playback = start();
    const told = toAgent(playback, () => playback.agent(open(host, port)));
    expect(typesOf(told)).toEqual([MESSAGE.channelOpenFailure]);
    expect([countOf(playback, 'Judge'), countOf(playback, 'Remark'), playback.closed]).toEqual([0, 1, false]);
  });

  test.each([
    ['cut short', open().subarray(0, -1)],
    ['with more behind it', Buffer.concat([open(), Buffer.from('x')])],
  ])('one that is %s ends the session', (_what, frame) => {
    const playback = start();
    const bytes = Buffer.from(frame);
    bytes.writeUInt32BE(bytes.length - 4);
    expect(toTarget(playback, () => playback.agent(bytes))).toEqual([]);
    expect([playback.closed, playback.violations]).toEqual([true, []]);
  });
});

describe('before it is open', () => {
  test.each([
    ['data', data(GATE, 'early')],
    ['an end', eof(GATE)],
    ['a close', close(GATE)],
    ['a window', writeFrame(MESSAGE.channelWindowAdjust, u32(GATE), u32(5))],
    ['a command', exec('ls', GATE)],
  ])('%s from the agent ends the session and goes nowhere', (_what, early) => {
    const playback = start();
    playback.agent(open());
    expect(toTarget(playback, () => playback.agent(early))).toEqual([]);
    expect([playback.closed, playback.violations]).toEqual([true, []]);
    expect(finished(playback)).toEqual([expect.stringContaining('Lost')]);
  });

  test.each([
    ['data', data(GATE, 'early')],
    ['an end', eof(GATE)],
    ['a close', close(GATE)],
    ['a window', writeFrame(MESSAGE.channelWindowAdjust, u32(GATE), u32(5))],
    ['an answer', writeFrame(MESSAGE.channelSuccess, u32(GATE))],
  ])('%s from the target ends the session and goes nowhere', (_what, early) => {
    const playback = start();
    playback.agent(open());
    expect(typesOf(toAgent(playback, () => playback.target(early)))).toEqual([MESSAGE.disconnect]);
    expect([playback.closed, playback.violations]).toEqual([true, []]);
  });

  test.each([
    ['confirms', confirm(1)],
    ['refuses', fail(2, 'no', 1)],
  ])('a target that %s what it was not asked for yet ends the session', (_what, early) => {
    const playback = start({ pendingCommandsMax: 1 });
    playback.agent(Buffer.concat([open(), open('other.internal', 1, 8)]));
    expect(typesOf(toAgent(playback, () => playback.target(early)))).toEqual([MESSAGE.disconnect]);
    expect([playback.closed, playback.violations]).toEqual([true, []]);
  });

  test('a target that confirms twice ends the session', () => {
    const playback = forwarding();
    playback.target(confirm());
    expect([playback.closed, playback.violations]).toEqual([true, []]);
  });
});

describe('what it carries', () => {
  test('goes both ways as it is, and is in the record before', () => {
    const playback = forwarding();
    expect(asText(toTarget(playback, () => playback.agent(data(GATE, 'question\0\xff'))))).toBe(
      asText([data(TARGET, 'question\0\xff').subarray(4)]),
    );
    expect(asText(toAgent(playback, () => playback.target(data(GATE, 'answer'))))).toBe(
      asText([data(AGENT, 'answer').subarray(4)]),
    );
    const recorded = detailsOf(playback, 'Input').map((hex) => Buffer.from(hex, 'hex').toString('latin1'));
    expect(recorded).toEqual([Buffer.from(data(TARGET, 'question\0\xff')).toString('latin1')]);
    const answers = playback.trace.filter(({ kind }) => kind === 'Answer').map(({ bytes }) => bytes);
    expect(asText(answers.flatMap((bytes) => bytes ?? []))).toContain('answer');
    expect(playback.violations).toEqual([]);
  });

  test('ends each way by itself, and a close from either side is the end', () => {
    const playback = forwarding();
    expect(typesOf(toTarget(playback, () => playback.agent(eof(GATE))))).toEqual([MESSAGE.channelEof]);
    expect(typesOf(toAgent(playback, () => playback.target(data(GATE, 'still'))))).toEqual([MESSAGE.channelData]);
    expect(typesOf(toAgent(playback, () => playback.target(eof(GATE))))).toEqual([MESSAGE.channelEof]);
    expect(finished(playback)).toEqual([]);
    expect(typesOf(toTarget(playback, () => playback.agent(close(GATE))))).toEqual([MESSAGE.channelClose]);
    expect(typesOf(toAgent(playback, () => playback.target(close(GATE))))).toEqual([MESSAGE.channelClose]);
    expect(finished(playback)).toEqual([expect.stringMatching(/Done.*closed by agent|closed by agent.*Done/)]);
    expect([playback.closed, playback.violations]).toEqual([false, []]);
  });

  test('the other way round too', () => {
    const playback = forwarding();
    expect(typesOf(toAgent(playback, () => playback.target(eof(GATE))))).toEqual([MESSAGE.channelEof]);
    expect(typesOf(toTarget(playback, () => playback.agent(data(GATE, 'still'))))).toEqual([MESSAGE.channelData]);
    const both = (): unknown => toAgent(playback, () => playback.target(close(GATE)));
    expect(typesOf(toTarget(playback, both))).toEqual([MESSAGE.channelClose]);
    expect(finished(playback)).toEqual([expect.stringContaining('closed by target')]);
    // What the agent sent before it heard of that goes nowhere.
    expect(toTarget(playback, () => playback.agent(Buffer.concat([data(GATE, 'late'), close(GATE)])))).toEqual([]);
    expect(openedAs(toTarget(playback, () => playback.agent(open()))[0])[1]).toBe(GATE);
    expect([playback.closed, playback.violations]).toEqual([false, []]);
  });

  test('comes in packets that the receiver takes, and no more than it takes', () => {
    const playback = forwarding();
    const much = 'x'.repeat(WINDOW);
    const told = toTarget(playback, () => playback.agent(data(GATE, much)));
    expect(told.map((message) => message.length - 9)).toEqual([PACKET, PACKET, WINDOW - 2 * PACKET]);
    const more = writeFrame(MESSAGE.channelWindowAdjust, u32(GATE), u32(30));
    expect(typesOf(toAgent(playback, () => playback.target(more)))).toEqual([MESSAGE.channelWindowAdjust]);
    expect(typesOf(toTarget(playback, () => playback.agent(data(GATE, 'y'.repeat(30)))))).toEqual([
      MESSAGE.channelData,
    ]);
    playback.agent(data(GATE, 'z'));
    expect([playback.closed, playback.violations]).toEqual([true, []]);
  });

  test.each([
    [WINDOW, false],
    [WINDOW + 1, true],
  ])('%d bytes from the target where a hundred were granted: the session ends is %p', (bytes, ends) => {
    const playback = forwarding();
    playback.target(data(GATE, 'x'.repeat(bytes)));
    expect(playback.closed).toBe(ends);
  });

  test.each(['exec', 'shell', 'env', 'pty-req', 'signal', 'auth-agent-req@openssh.com'])(
    'a request %s in it gets a failure and goes nowhere',
    (name) => {
      const playback = forwarding();
      const request = writeFrame(MESSAGE.channelRequest, u32(GATE), name, true, 'x', 'y');
      let told: readonly Uint8Array[] = [];
      expect(toTarget(playback, () => (told = toAgent(playback, () => playback.agent(request))))).toEqual([]);
      expect(typesOf(told)).toEqual([MESSAGE.channelFailure]);
      expect([countOf(playback, 'Judge'), playback.closed]).toEqual([1, false]);
    },
  );

  test('a target has no error output and no status in it', () => {
    const playback = forwarding();
    const status = writeFrame(MESSAGE.channelRequest, u32(GATE), 'exit-status', false, u32(0));
    expect(toAgent(playback, () => playback.target(status))).toEqual([]);
    playback.target(writeData(GATE, true, Buffer.from('x')));
    expect([playback.closed, playback.violations]).toEqual([true, []]);
  });

  test.each([
    ['the agent', (playback: Playback) => playback.agentLeft()],
    ['the target', (playback: Playback) => playback.targetLeft()],
  ])('where %s is gone it is lost', (_who, leave) => {
    const playback = forwarding();
    leave(playback);
    expect(finished(playback)).toEqual([expect.stringContaining('Lost')]);
    expect([playback.closed, playback.violations]).toEqual([true, []]);
  });
});

describe('limits and masks', () => {
  test('what is beyond a limit does not pass, and the forward ends', () => {
    const playback = start();
    let left = 10;
    playback.meter = { take: (_rows, bytes) => ((left -= bytes) < 0 ? OVERRUN : undefined) };
    playback.agent(open());
    playback.target(confirm());
    expect(typesOf(toAgent(playback, () => playback.target(data(GATE, '0123456789'))))).toEqual([MESSAGE.channelData]);
    let told: readonly Uint8Array[] = [];
    const asked = toTarget(playback, () => (told = toAgent(playback, () => playback.target(data(GATE, 'secret')))));
    expect([typesOf(asked), typesOf(told)]).toEqual([[MESSAGE.channelClose], [MESSAGE.debug, MESSAGE.channelClose]]);
    expect(asText(told)).not.toContain('secret');
    expect(asText(told)).toContain('data/guard/budget');
    expect(finished(playback)).toEqual([expect.stringContaining('data/guard/budget')]);
    playback.target(Buffer.concat([data(GATE, 'more'), close(GATE)]));
    playback.agent(close(GATE));
    expect(openedAs(toTarget(playback, () => playback.agent(open()))[0])[1]).toBe(GATE);
    expect([playback.closed, playback.violations]).toEqual([false, []]);
  });

  test('while masks are in force nothing is opened, for they cannot reach it', () => {
    const playback = start({ masks: MASKS });
    let told: readonly Uint8Array[] = [];
    expect(toTarget(playback, () => (told = toAgent(playback, () => playback.agent(open()))))).toEqual([]);
    expect(asText(told)).toContain('Masks are in force, which cannot reach what a forward carries.');
    expect([finished(playback), playback.violations]).toEqual([[expect.stringContaining('Refused')], []]);
  });

  test('masks that come into force end what is open', () => {
    const playback = forwarding();
    let told: readonly Uint8Array[] = [];
    const asked = toTarget(playback, () => (told = toAgent(playback, () => playback.masksChanged(MASKS))));
    expect([typesOf(asked), typesOf(told)]).toEqual([[MESSAGE.channelClose], [MESSAGE.debug, MESSAGE.channelClose]]);
    expect(toAgent(playback, () => playback.target(data(GATE, 'ada@example.com')))).toEqual([]);
    expect(finished(playback)).toEqual([expect.stringContaining('Failed')]);
    expect([playback.closed, playback.violations]).toEqual([false, []]);
  });

  test('and what the target is just opening', () => {
    const playback = start();
    playback.agent(open());
    expect(typesOf(toAgent(playback, () => playback.masksChanged(MASKS)))).toEqual([MESSAGE.channelOpenFailure]);
    let told: readonly Uint8Array[] = [];
    const asked = toTarget(playback, () => (told = toAgent(playback, () => playback.target(confirm()))));
    expect([typesOf(asked), told]).toEqual([[MESSAGE.channelClose], []]);
    expect(toAgent(playback, () => playback.target(close(GATE)))).toEqual([]);
    expect([playback.closed, playback.violations]).toEqual([false, []]);
  });

  test('masks that change nothing end nothing', () => {
    const playback = forwarding();
    expect(toTarget(playback, () => playback.masksChanged(NO_SSH_MASKS))).toEqual([]);
    expect(typesOf(toAgent(playback, () => playback.target(data(GATE, 'x'))))).toEqual([MESSAGE.channelData]);
  });
});

test('while too many commands run the next forward waits until one is over, also one that was not opened', () => {
  const playback = start({ pendingCommandsMax: 1 });
  playback.agent(Buffer.concat([open(), open('second.internal', 1, 8), open('third.internal', 1, 9)]));
  expect(countOf(playback, 'Judge')).toBe(1);
  const second = toTarget(playback, () => playback.target(fail(2, 'no')));
  expect(openedAs(second[0]).slice(4)).toEqual(['second.internal', 1]);
  playback.target(confirm(1));
  playback.agent(close(1));
  const third = toTarget(playback, () => playback.target(close(1)));
  expect(openedAs(third[0]).slice(4)).toEqual(['third.internal', 1]);
  expect([playback.closed, playback.violations]).toEqual([false, []]);
});

test('however its bytes come, the same happens', () => {
  const chunks: readonly (readonly ['Agent' | 'Target', Uint8Array])[] = [
    ['Agent', Buffer.concat([open(), open('denied.internal', 1, 8), open('held.internal', 1, 9)])],
    ['Target', Buffer.concat([confirm(0, 55), fail(2, 'no', 2)])],
    ['Agent', Buffer.concat([data(GATE, 'question'), eof(GATE)])],
    ['Target', Buffer.concat([data(GATE, 'answer'), eof(GATE), close(GATE)])],
    ['Agent', close(GATE)],
  ];
  const play = (sizeOf: (bytes: Uint8Array) => number): string => {
    const playback = start();
    for (const [from, bytes] of chunks) {
      const size = sizeOf(bytes);
      for (let at = 0; at < bytes.length; at += size) {
        const piece = bytes.subarray(at, at + size);
        if (from === 'Agent') playback.agent(piece);
        else playback.target(piece);
      }
    }
    expect(playback.violations).toEqual([]);
    return JSON.stringify([finished(playback), asText([playback.sent('Agent')]), asText([playback.sent('Target')])]);
  };
  const whole = play((bytes) => bytes.length);
  for (const size of [1, 2, 7]) expect(play(() => size)).toBe(whole);
});
