import { describe, expect, test } from '@jest/globals';
import { ok } from '@sidegate/crds';
import type { MaskRules } from '@sidegate/policy';
import { openMint } from '../permit.ts';
import { Playback } from './playback.ts';
import type { JudgedCommand, ProtocolSession, Settlement, Step } from './protocol.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const masks: MaskRules = {
  empty: true,
  columns: false,
  columnMask: () => undefined,
  masksTable: () => false,
  fields: [],
  detect: [],
  unknownOrigin: { rule: 'unknown-origin', with: { type: 'Redact' } },
  maskValue: (_mask, text) => text,
  maskContent: (text) => text,
  maskJson: (text) => text,
};
const judged: JudgedCommand = {
  command: { protocol: 'Postgres', complete: true, incomplete: [], statements: [] },
  text: 'x',
  maskedText: () => 'x',
  maskedBinds: () => [],
  wire: bytes('x'),
  verbs: [],
  objects: [],
  claims: {},
  cacheKey: undefined,
};

/** A session that does what it is told: the steps for each call. */
function sessionOf(
  onAgent: readonly Step[],
  onSettle: (settlement: Settlement) => readonly Step[] = () => [],
): ProtocolSession {
  const nothing = (): readonly Step[] => [];
  return {
    receiveAgent: () => onAgent,
    receiveTarget: nothing,
    agentSecured: nothing,
    targetSecured: nothing,
    identified: () => [{ kind: 'DialTarget' }],
    targetConnected: () => [{ kind: 'Ready' }],
    catalogReady: nothing,
    settle: (_commandId, settlement) => onSettle(settlement),
    masksChanged: nothing,
    terminate: nothing,
    agentLeft: nothing,
    targetLeft: nothing,
    cancelBytes: () => undefined,
  };
}

function play(session: ProtocolSession, settle: 'Forward' | 'Hold' = 'Forward'): Playback {
  const playback = new Playback(session, {
    credential: { username: 'u', password: 'p' },
    subject: 's',
    masks,
    catalog: ok(undefined),
    settle: () => settle,
  });
  playback.agent(bytes('x'));
  return playback;
}

const ready: Step = { kind: 'Ready' };
const judge: Step = { kind: 'Judge', commandId: 1, judged };
const finished: Step = {
  kind: 'Finished',
  commandId: 1,
  outcome: 'Done',
  tag: '',
  errorCode: '',
  errorText: '',
  rows: 0,
  maskedValues: 0,
};
const forward = (settlement: Settlement): readonly Step[] =>
  settlement.kind === 'Forward'
    ? [{ kind: 'ToTarget', commandId: 1, permit: settlement.permit, bytes: bytes('x') }]
    : [];

describe('a playback', () => {
  test('answers what a session asks, in the order of the gate', () => {
    const playback = play(
      sessionOf([
        { kind: 'Identify', token: 't', claims: {}, details: {} },
        { kind: 'ToAgent', bytes: bytes('a') },
      ]),
    );
    expect(playback.trace.map(({ kind }) => kind)).toEqual(['Identify', 'ToAgent', 'DialTarget', 'Ready']);
    expect(playback.violations).toEqual([]);
  });

  test('joins neighbouring bytes of one kind', () => {
    const playback = play(
      sessionOf([
        { kind: 'ToAgent', bytes: bytes('a') },
        { kind: 'ToAgent', bytes: bytes('b') },
      ]),
    );
    expect(playback.trace).toHaveLength(1);
    expect(Buffer.from(playback.sent('Agent')).toString()).toBe('ab');
  });

  test('forwards a held command later', () => {
    const playback = play(sessionOf([ready, judge, { kind: 'PaceTarget', bytes: bytes('s') }], forward), 'Hold');
    expect(playback.trace.map(({ kind }) => kind)).toEqual(['Ready', 'Judge', 'PaceTarget', 'ToTarget']);
    expect(playback.violations).toEqual([]);
  });

  test.each<[story: string, steps: readonly Step[], breach: string]>([
    ['a command before Ready', [judge], 'a Judge before Ready'],
    [
      'a forward without a permit',
      [ready, { kind: 'ToTarget', commandId: 1, permit: openMint().mint(1), bytes: bytes('x') }],
      'a ToTarget without the permit of its command',
    ],
    ['an answer to nothing', [ready, { kind: 'Answer', commandId: 3, bytes: bytes('x') }], 'an Answer to no command'],
    ['a pace before Ready', [{ kind: 'PaceTarget', bytes: bytes('x') }], 'a PaceTarget before Ready'],
    ['two ends', [ready, judge, finished, finished], 'Finished twice'],
    [
      'an answer after the end',
      [ready, judge, finished, { kind: 'Answer', commandId: 1, bytes: bytes('x') }],
      'an Answer after Finished',
    ],
    ['a step after Close', [{ kind: 'Close', code: 'Fault', reason: '' }, ready], 'a Ready after Close'],
    ['a login after Ready', [ready, { kind: 'LoginToTarget', bytes: bytes('x') }], 'a login after Ready'],
  ])('sees %s', (_story, steps, breach) => {
    expect(play(sessionOf(steps, forward)).violations).toEqual([breach]);
  });

  test('sees nothing wrong in a command that is judged, forwarded, answered and finished', () => {
    const playback = play(
      sessionOf([ready, judge, { kind: 'Answer', commandId: 1, bytes: bytes('x') }, finished], forward),
    );
    expect(playback.violations).toEqual([]);
  });
});
