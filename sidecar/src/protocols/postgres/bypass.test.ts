import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { API_VERSION, describeFault, type Policy } from '@sidegate/crds';
import { compileRules, type Identity, type MaskRules, type SessionRules } from '@sidegate/policy';
import { parse } from 'yaml';
import type { Catalog } from './catalog.ts';
import { loadParser } from './classify/parser.ts';
import { readSql } from './classify/reading.ts';
import { openSqlState } from './classify/state.ts';
import { demoCatalog } from './fixture/demo-catalog.ts';
import { MaskPlanner } from './mask.ts';
import type { SqlReading } from './sql-reading.ts';

interface Case {
  readonly id: string;
  readonly class: string;
  readonly sql: string;
  readonly expect: 'Refuse' | 'Mask' | 'Hold' | 'Allow';
}

function file(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

const IDENTITY: Identity = {
  verified: { source: 'Token', issuer: 'test', subject: 'agent', groups: [], expiresAtMs: Number.MAX_SAFE_INTEGER },
  claimed: {},
};

const cases: readonly Case[] = parse(file('postgres.bypass.yaml'));
let catalog: Catalog;
let rules: SessionRules;

beforeAll(async () => {
  await loadParser();
  catalog = demoCatalog(file('fixture/catalog.json'));
  rules = openRules(parse(file('fixture/demo-policy.yaml')));
});

function openRules(policy: Policy): SessionRules {
  const compiled = compileRules({
    targets: [
      {
        apiVersion: API_VERSION,
        kind: 'Target',
        metadata: { namespace: 'data', name: 'db' },
        spec: {
          protocol: 'Postgres',
          host: 'db',
          port: 5432,
          defaultAction: 'Allow',
          allowedNamespaces: { from: 'All' },
        },
      },
    ],
    accesses: [
      {
        apiVersion: API_VERSION,
        kind: 'AgentAccess',
        metadata: { namespace: 'agents', name: 'agent' },
        spec: {
          podSelector: {},
          identity: { source: 'Token' },
          targetRefs: [{ namespace: 'data', name: 'db' }],
          defaultAction: 'Allow',
        },
      },
    ],
    policies: [policy],
    operatorNamespace: 'ops',
    maskKey: '00'.repeat(32),
    version: 'v1',
  });
  if (!compiled.ok) throw new Error(compiled.fault.map(describeFault).join('\n'));
  const opened = compiled.value.openSession({
    target: { namespace: 'data', name: 'db' },
    access: { namespace: 'agents', name: 'agent' },
    identity: IDENTITY,
  });
  if (!opened.ok) throw new Error(describeFault(opened.fault));
  return opened.value;
}

/** True when a value does not come through in clear. */
function masksAnything({ statements }: SqlReading, masks: MaskRules): boolean {
  const planner = new MaskPlanner(masks, catalog);
  return statements.some(({ outputs, copy }) => {
    const origins = copy === undefined ? outputs : copy.columns;
    return origins === undefined || origins.some((origin) => planner.originMask(origin, true) !== undefined);
  });
}

function answer(sql: string): string {
  const reading = readSql(sql, catalog, openSqlState(catalog));
  const decision = rules.decide(reading.command);
  switch (decision.action) {
    case 'Deny':
      return 'Refuse';
    case 'RequireApproval':
      return 'Hold';
    default:
      return masksAnything(reading, rules.masks) ? 'Mask' : 'Allow';
  }
}

describe('the bypass corpus', () => {
  test.each(cases)('$id: $sql', ({ sql, expect: expected }) => {
    expect(answer(sql)).toBe(expected);
  });

  test('it has evasions and neighbours enough, each named once', () => {
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
    expect(cases.filter(({ expect: expected }) => expected !== 'Allow').length).toBeGreaterThanOrEqual(100);
    expect(cases.filter(({ expect: expected }) => expected === 'Allow').length).toBeGreaterThanOrEqual(50);
  });
});
