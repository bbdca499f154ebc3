import { expect, test } from '@jest/globals';
import { type AgentAccess, API_VERSION, assertNever, type Fault, type Snapshot } from '@sidegate/crds';
import * as fc from 'fast-check';
import {
  type ApplyStep,
  type ControlContent,
  type ControlEvent,
  ControlState,
  type ControlStep,
  type ControlTerms,
  type KeptConfiguration,
} from './control-state.ts';

const TERMS: ControlTerms = { staleAfterMs: 60_000, failClosedAfterMs: 600_000 };
const WORKLOAD = { issuer: 'kubernetes', subject: 's', groups: [], pod: { namespace: 'n', name: 'p', uid: 'u' } };
const FAULT: Fault = { code: 'X', message: 'No.' };

function content(version: string): ControlContent {
  const access: AgentAccess = {
    apiVersion: API_VERSION,
    kind: 'AgentAccess',
    metadata: { name: 'a', namespace: 'n' },
    spec: { podSelector: {}, identity: { source: 'Workload' }, targetRefs: [] },
  };
  const secrets = [{ target: { namespace: 'd', name: 't' }, username: 'u', password: 'hunter2', authorities: [] }];
  const resources = { targets: [], accesses: [access], policies: [] };
  return { version, resources, operatorNamespace: 'o', maskKey: '', issuers: [], secrets, doors: [] };
}

const kept = (version: string): KeptConfiguration => ({ content: content(version), workload: WORKLOAD, terms: TERMS });
const offered = (version: string): ControlEvent => ({
  kind: 'Offered',
  content: content(version),
  nonce: `n-${version}`,
});
const WELCOMED: ControlEvent = { kind: 'Welcomed', workload: WORKLOAD, terms: TERMS };

/** Feeds events, and the outcome of each Apply at once. What is shown is what the gate would run on. */
function run(): {
  state: ControlState;
  feed: (event: ControlEvent, nowMs: number, faults?: readonly Fault[]) => readonly string[];
  shown: () => Snapshot | undefined;
} {
  const state = new ControlState();
  let shown: Snapshot | undefined;
  const feed = (event: ControlEvent, nowMs: number, faults: readonly Fault[] = []): readonly string[] =>
    state.handle(event, nowMs).flatMap((step) => {
      if (step.kind !== 'Apply') return [describe(step)];
      if (faults.length === 0) shown = step.snapshot;
      return [describe(step), ...state.handle({ kind: 'Applied', step, faults }, nowMs).map(describe)];
    });
  return { state, feed, shown: () => shown };
}

function describe(step: ControlStep): string {
  switch (step.kind) {
    case 'Apply':
      return `Apply ${step.snapshot.version} as ${step.as}`;
    case 'Answer':
      return `${step.faults.length === 0 ? 'Ack' : 'Nack'} ${step.version} ${step.nonce}`;
    case 'Keep':
      return `Keep ${step.kept.content.version}`;
    case 'Phase':
      return step.phase;
    default:
      return assertNever(step);
  }
}

test('an offer is applied, acked and kept, with the identity that was attested', () => {
  const { feed, state, shown } = run();
  expect(feed(WELCOMED, 0)).toEqual([]);
  expect(state.phase).toBe('Waiting');
  expect(feed(offered('v1'), 10)).toEqual(['Apply v1 as Offer', 'Ack v1 n-v1', 'Keep v1', 'Current']);
  expect(shown()?.workload).toEqual(WORKLOAD);
  expect(state.heldVersion).toBe('v1');
});

test('a refused offer is nacked and the one before stays, for a restart too', () => {
  const { feed, state } = run();
  feed(WELCOMED, 0);
  feed(offered('v1'), 0);
  expect(feed(offered('v2'), 1, [FAULT])).toEqual(['Apply v2 as Offer', 'Nack v2 n-v2']);
  expect([state.heldVersion, state.phase]).toEqual(['v1', 'Current']);
});

test('a first offer that is refused leaves the gate waiting', () => {
  const { feed, state } = run();
  feed(WELCOMED, 0);
  feed(offered('v1'), 1, [FAULT]);
  expect([state.heldVersion, state.phase]).toEqual(['', 'Waiting']);
});

test('silence makes the rules stale, then closes the gate, at the thresholds and no sooner', () => {
  const { feed, state, shown } = run();
  feed(WELCOMED, 0);
  feed(offered('v1'), 1_000);
  expect(feed({ kind: 'Tick' }, 60_999)).toEqual([]);
  expect(feed({ kind: 'Tick' }, 61_000)).toEqual(['Stale']);
  expect(feed({ kind: 'Tick' }, 61_001)).toEqual([]);
  expect(feed({ kind: 'Lost' }, 600_999)).toEqual([]);
  expect(shown()?.secrets).toHaveLength(1);
  expect(feed({ kind: 'Tick' }, 601_000)).toEqual(['Apply v1-closed as Closed', 'Closed']);
  expect(shown()).toMatchObject({ secrets: [], resources: { accesses: [{ spec: { suspend: true } }] } });
  expect(feed({ kind: 'Tick' }, 9_000_000)).toEqual([]);
  expect(state.heldVersion).toBe('');
});

test.each([
  ['a sign of life', { kind: 'Heard' }],
  ['a welcome', WELCOMED],
] as const)('%s ends staleness, and does not open a closed gate', (_, event) => {
  const { feed, shown } = run();
  feed(WELCOMED, 0);
  feed(offered('v1'), 0);
  feed({ kind: 'Tick' }, 60_000);
  expect(feed(event, 60_001)).toEqual(['Current']);
  feed({ kind: 'Tick' }, 660_001);
  expect(feed(event, 660_002)).toEqual([]);
  expect(shown()?.version).toBe('v1-closed');
  expect(feed(offered('v1'), 660_003)).toEqual(['Apply v1 as Offer', 'Ack v1 n-v1', 'Keep v1', 'Current']);
});

test.each([
  [0, ['Apply v1 as Known', 'Current'], 'v1'],
  [59_999, ['Apply v1 as Known', 'Current'], 'v1'],
  [60_000, ['Apply v1 as Known', 'Stale'], 'v1'],
  [599_999, ['Apply v1 as Known', 'Stale'], 'v1'],
  [600_000, ['Apply v1-closed as Closed', 'Closed'], ''],
  [-5_000, ['Apply v1 as Known', 'Current'], 'v1'],
])('what was kept %d ms after the operator was heard', (ageMs, expected, held) => {
  const { feed, state } = run();
  expect(feed({ kind: 'Restored', kept: kept('v1'), ageMs }, 5_000)).toEqual(expected);
  expect(state.heldVersion).toBe(held);
});

test('what was kept and cannot be applied any more is forgotten', () => {
  const { feed, state } = run();
  feed({ kind: 'Restored', kept: kept('v1'), ageMs: 0 }, 0, [FAULT]);
  expect([state.heldVersion, state.phase]).toEqual(['', 'Waiting']);
  expect(feed(WELCOMED, 1)).toEqual([]);
  expect(feed(offered('v2'), 2).at(-1)).toBe('Current');
});

test('an offer that cannot be read is nacked', () => {
  const { feed } = run();
  feed(WELCOMED, 0);
  expect(feed({ kind: 'Unreadable', version: 'v1', nonce: 'n', fault: FAULT }, 1)).toEqual(['Nack v1 n']);
});

const EVENT: fc.Arbitrary<readonly [ControlEvent, readonly Fault[], number]> = fc.tuple(
  fc.oneof(
    fc.constant(WELCOMED),
    fc.constantFrom('v1', 'v2', 'v3').map(offered),
    fc.constant<ControlEvent>({ kind: 'Heard' }),
    fc.constant<ControlEvent>({ kind: 'Tick' }),
    fc.constant<ControlEvent>({ kind: 'Lost' }),
  ),
  fc.constantFrom([], [], [FAULT]),
  fc.integer({ min: 0, max: 200_000 }),
);

test('whatever is heard and refused: nothing is open after too long a silence, and every offer has one answer', () => {
  fc.assert(
    fc.property(fc.array(EVENT, { maxLength: 40 }), (events) => {
      const { feed, shown } = run();
      feed(WELCOMED, 0);
      let nowMs = 0;
      let heardMs = 0;
      for (const [event, faults, afterMs] of events) {
        nowMs += afterMs;
        if (event.kind !== 'Tick' && event.kind !== 'Lost') heardMs = nowMs;
        // An empty gate can always be closed.
        const steps = feed(event, nowMs, event.kind === 'Offered' ? faults : []);
        const answers = steps.filter((step) => /^(?:Ack|Nack) /.test(step));
        expect(answers).toHaveLength(event.kind === 'Offered' ? 1 : 0);
        if ((event.kind === 'Tick' || event.kind === 'Lost') && nowMs - heardMs >= TERMS.failClosedAfterMs)
          expect(shown()?.secrets ?? []).toEqual([]);
      }
    }),
    { numRuns: 300, seed: 20_260_101 },
  );
});

test('an answer belongs to its own offer', () => {
  const state = new ControlState();
  state.handle(WELCOMED, 0);
  const [first] = state.handle(offered('v1'), 0) as readonly ApplyStep[];
  const [second] = state.handle(offered('v2'), 0) as readonly ApplyStep[];
  for (const [step, answer] of [
    [second, 'Ack v2 n-v2'],
    [first, 'Ack v1 n-v1'],
  ] as const) {
    if (step === undefined) throw new Error('no step');
    expect(state.handle({ kind: 'Applied', step, faults: [] }, 1).map(describe)).toContain(answer);
  }
});
