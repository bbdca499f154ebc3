import { expect, test } from '@jest/globals';
import type { Snapshot } from '@sidegate/crds';
import { compileRules } from '@sidegate/policy';
import { ControlState } from '../config/control-state.ts';
import type { CloseCode, Refusal } from '../protocols/protocol.ts';
import { configure } from './configuration.ts';
import { Gate, type GateOptions } from './gate.ts';

const SNAPSHOT: Snapshot = {
  version: 'v1',
  nonce: 'n',
  operatorNamespace: 'sidegate',
  maskKey: '00'.repeat(32),
  issuers: [],
  secrets: [],
  doors: [],
  resources: { targets: [], accesses: [], policies: [] },
};

function adopted(gate: Gate, snapshot: Snapshot): void {
  const { resources, operatorNamespace, maskKey, version } = snapshot;
  const rules = compileRules({ ...resources, operatorNamespace, maskKey, version, namespaceLabels: {} });
  if (!rules.ok) throw new Error(JSON.stringify(rules.fault));
  gate.adopt(configure(snapshot, rules.value).configuration);
}

/** What the open sessions of a gate that adopts `snapshot` are ended with. */
function endedWith(snapshot: Snapshot): readonly [Refusal, CloseCode][] {
  const gate = new Gate({ desk: undefined } as unknown as GateOptions);
  const ended: [Refusal, CloseCode][] = [];
  gate.sessions.terminate = (_which, refusal, code) => {
    ended.push([refusal, code]);
    return [];
  };
  adopted(gate, snapshot);
  return ended;
}

test('a gate that lost its operator for too long ends every session, and says why', () => {
  const state = new ControlState();
  const terms = { staleAfterMs: 60_000, failClosedAfterMs: 3_600_000 };
  const workload = { issuer: 'kubernetes', subject: 's', groups: [], pod: { namespace: 'a', name: 'b', uid: 'u' } };
  const [step] = state.handle(
    { kind: 'Restored', kept: { content: SNAPSHOT, workload, terms }, ageMs: 3_600_000 },
    10_000_000,
  );
  if (step?.kind !== 'Apply') throw new Error('nothing is applied');
  expect(endedWith(step.snapshot)).toMatchObject([
    [
      { kind: 'Terminated', rule: 'gate-closed', reason: expect.stringMatching(/not heard from its operator/) },
      'Killed',
    ],
  ]);
});

test('one that did not goes on', () => {
  expect(endedWith(SNAPSHOT)).toEqual([]);
});
