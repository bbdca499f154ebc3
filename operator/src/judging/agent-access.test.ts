import { expect, test } from '@jest/globals';
import { stored } from '../fixture/resources.ts';
import { type AccessFacts, type GateFacts, judgeAgentAccess, type ReferenceFacts } from './agent-access.ts';

const GATES: GateFacts = {
  gates: 2,
  programmed: 2,
  connected: 2,
  recording: 2,
  ungated: 0,
  refusals: [],
  blocked: [],
  overlapped: [],
  tooLarge: [],
};
const OPEN: ReferenceFacts = { target: 'data/orders-db', state: 'Open' };
const FINE: AccessFacts = { namespaceLabelled: true, references: [OPEN], unknownIssuers: [], gates: GATES };

function shown(facts: Partial<AccessFacts>): readonly string[] {
  return judgeAgentAccess(stored.access(), { ...FINE, ...facts }).map(
    ({ type, status, reason }) => `${type} ${status} ${reason}`,
  );
}

test('all gates hold the current version and record', () => {
  expect(shown({})).toEqual([
    'Ready True Ready',
    'Accepted True Accepted',
    'Programmed True Programmed',
    'Recorded True Recording',
  ]);
});

test('no gates yet is no fault', () => {
  const gates = { ...GATES, gates: 0, programmed: 0, connected: 0, recording: 0 };
  expect(shown({ gates })).toEqual([
    'Ready True Ready',
    'Accepted True Accepted',
    'Programmed True NoGates',
    'Recorded True NoGates',
  ]);
});

test.each([
  ['the namespace is not labelled', { namespaceLabelled: false }, 'NamespaceNotLabelled'],
  ['an issuer is unknown', { unknownIssuers: ['corporat'] }, 'IssuerNotFound'],
  ['a Target is not there', { references: [OPEN, { target: 'data/x', state: 'NotFound' }] }, 'TargetNotFound'],
  ['a Target does not admit it', { references: [{ target: 'data/x', state: 'NotAdmitted' }] }, 'NamespaceNotAllowed'],
  ['a Target is not Accepted', { references: [{ target: 'data/x', state: 'NotAccepted' }] }, 'TargetNotAccepted'],
  ['a credential is not there', { references: [{ target: 'data/x', state: 'NoCredential' }] }, 'CredentialNotReady'],
  ['a Policy does not compile', { references: [{ target: 'data/x', state: 'PolicyInvalid' }] }, 'PolicyInvalid'],
] as const satisfies readonly (readonly [string, Partial<AccessFacts>, string])[])(
  'not Accepted when %s',
  (_, facts, reason) => {
    expect(shown(facts).slice(0, 2)).toEqual([`Ready False ${reason}`, `Accepted False ${reason}`]);
  },
);

test.each([
  ['one lags', { programmed: 1 }, 'Programmed False Pending'],
  ['one is away', { programmed: 1, connected: 1, recording: 1 }, 'Programmed False NotConnected'],
  ['one has no door', { blocked: ['db.data.svc:5432 in pod bot-1'] }, 'Programmed False DoorBlocked'],
  ['one refused', { programmed: 1, refusals: ['There is no such door.'] }, 'Programmed False Refused'],
  ['a pod has no gate', { ungated: 1 }, 'Programmed False PodsWithoutGate'],
  ['what gates must know is too much', { tooLarge: ['Too many.'] }, 'Programmed False TooLarge'],
  ['another opens the same', { overlapped: ['data/orders-db'] }, 'Programmed False Overlapped'],
] as const)('not Programmed when %s', (_, change, expected) => {
  expect(shown({ gates: { ...GATES, ...change } })[2]).toBe(expected);
});

test.each([
  ['all record', {}, 'Recorded True Recording'],
  ['one does not', { recording: 1 }, 'Recorded False StoreUnreachable'],
  ['one is away', { connected: 1, recording: 1 }, 'Recorded Unknown NotConnected'],
  ['one is away, one does not', { connected: 1, recording: 0 }, 'Recorded False StoreUnreachable'],
] as const)('Recorded when %s', (_, change, expected) => {
  expect(shown({ gates: { ...GATES, ...change } })[3]).toBe(expected);
});

test('a suspended one is not Ready, whatever else holds', () => {
  const [ready, accepted] = judgeAgentAccess(stored.access({ suspend: true }), FINE);
  expect(ready).toMatchObject({ status: 'False', reason: 'Suspended' });
  expect(accepted).toMatchObject({ status: 'True' });
});
