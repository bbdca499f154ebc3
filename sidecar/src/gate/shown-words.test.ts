import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { API_VERSION, type Target } from '@sidegate/crds';
import type { MaskRules } from '@sidegate/policy';
import type { Step } from '../protocols/protocol.ts';
import { describeOpening } from './opened-record.ts';
import { LineSession } from './testing/line-protocol.ts';
import { answer, DAN, MASKS, openSession, type Stage, say, sent, settle } from './testing/session-stage.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

const hide = (text: string): string => text.replaceAll('secret', '[masked]');
const HIDES: MaskRules = { ...MASKS, empty: false, maskContent: hide, maskJson: hide };
const REASON = 'It names secret.';

function expectHidden({ recorder, world, crossed }: Stage, kinds: readonly string[]): void {
  expect(recorder.events.map(({ kind }) => kind)).toEqual(expect.arrayContaining([...kinds]));
  const shown = JSON.stringify([recorder.events, world.desk.list(), crossed]);
  expect(shown).toContain('[masked]');
  expect(shown).not.toContain('secret');
}

test('why a command is denied is masked in the record, and to the agent', async () => {
  const stage = await openSession({ denied: ['DROP'], reason: REASON, recordMasks: HIDES });
  await say(stage, 'drop');
  expectHidden(stage, ['CommandJudged', 'CommandFinished']);
});

test('so is what people are shown of a command that waits, and what they say of it', async () => {
  const stage = await openSession({ reason: REASON, recordMasks: HIDES, claims: { task: 'about secret' } });
  await say(stage, 'hold it');
  expect(sent(stage)).toEqual([expect.stringContaining('It names [masked].')]);
  expect(stage.world.pending[0]).toMatchObject({ reason: 'It names [masked].', claimed: { task: 'about [masked]' } });
  stage.world.desk.decide(stage.world.pending[0]?.id ?? '', 'Refuse', DAN, 'not with secret');
  await settle();
  expect(sent(stage).at(-1)).toContain('dan refused it: not with [masked]');
  const { events } = stage.recorder;
  expect(JSON.stringify(events.filter(({ kind }) => kind === 'HoldEnded'))).not.toContain('secret');
});

test('so are the words that lists show of a command', async () => {
  const stage = await openSession({ recordMasks: HIDES });
  await say(stage, 'about secret');
  const [judged] = stage.recorder.events.filter(({ kind }) => kind === 'CommandJudged');
  expect(judged).toMatchObject({ verbs: ['about [masked]'], objects: ['read about [masked]'] });
});

/** What a protocol says by itself. */
class Telling extends LineSession {
  override receiveTarget(bytes: Uint8Array): readonly Step[] {
    const remark = { kind: 'Remark', code: 'Told', text: 'a secret came' } as const;
    const steps = super.receiveTarget(bytes);
    const close = { kind: 'Close', code: 'Fault', reason: 'It sent secret.' } as const;
    return [
      remark,
      ...steps.map(
        (step): Step => (step.kind === 'Finished' ? { ...step, errorText: 'no secret', tag: 'secret' } : step),
      ),
      close,
    ];
  }
}

test('so are remarks, errors, and why a session ends', async () => {
  const stage = await openSession({ recordMasks: HIDES, protocol: new Telling() });
  await say(stage, 'read');
  await answer(stage, 'row');
  expectHidden(stage, ['Remark', 'CommandFinished', 'Closed']);
});

test('so is what an agent says of itself', () => {
  const facts = { sessionId: 's', atUs: 1, gate: { id: 'g', version: '1' }, policyVersion: 'v' };
  const door = { target: { namespace: 'data', name: 'db' }, access: { namespace: 'agents', name: 'bots' } };
  const target: Target = {
    apiVersion: API_VERSION,
    kind: 'Target',
    metadata: { namespace: 'data', name: 'db' },
    spec: { protocol: 'Redis', host: 'db', port: 1, defaultAction: 'Allow', allowedNamespaces: { from: 'All' } },
  };
  const verified = { source: 'Token', issuer: 'i', subject: 'bot', groups: [], expiresAtMs: 1 } as const;
  const identity = { verified, claimed: { task: 'about secret' } };
  const opened = describeOpening({ ...facts, door, target, identity, details: { user: 'secret' }, shown: hide });
  expect(opened).toMatchObject({ claimed: { task: 'about [masked]' }, details: { user: '[masked]' } });
});
