import { describe, expect, it } from '@jest/globals';
import type { Policy, PolicyMask, PolicyRule, RuleMatch } from '@sidegate/crds';
import fc from 'fast-check';
import type { Command } from './command.ts';
import { access, policy, question, sessionOf, target } from './fixture/bundle.ts';
import type { SessionRules } from './session-rules.ts';

const RUNS = { seed: 20261123, numRuns: 300 };
const RANK = { Allow: 0, RequireApproval: 1, Deny: 2 };

const name = fc.constantFrom('orders', 'people', 'secrets', 'Orders');
const schema = fc.constantFrom('public', 'private', '');
const verb = fc.constantFrom('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'DROP', 'SET');
const called = fc.constantFrom('now', 'random', 'pg_read_file');

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    protocol: fc.constant('Postgres' as const),
    complete: fc.boolean(),
    incomplete: fc.array(fc.record({ kind: fc.constantFrom('DynamicSql', 'Unknown'), detail: fc.string() }), {
      maxLength: 2,
    }),
    statements: fc.array(
      fc.record({
        verb,
        hasWhere: fc.boolean(),
        hasLimit: fc.boolean(),
        tables: fc.array(fc.record({ schema, name, access: fc.constantFrom('Read' as const, 'Write' as const) }), {
          maxLength: 3,
        }),
        functions: fc.array(
          fc.record({
            schema: fc.constantFrom('pg_catalog', 'public', ''),
            name: called,
            volatility: fc.constantFrom(
              'Immutable' as const,
              'Stable' as const,
              'Volatile' as const,
              'Unknown' as const,
            ),
          }),
          { maxLength: 2 },
        ),
        columns: fc.array(
          fc.record({
            schema,
            table: name,
            column: fc.constantFrom('email', 'id'),
            use: fc.constantFrom('Output' as const, 'Condition' as const),
          }),
          { maxLength: 2 },
        ),
      }),
      { maxLength: 3 },
    ),
  }),
  fc.record({
    protocol: fc.constant('Redis' as const),
    complete: fc.boolean(),
    incomplete: fc.constant([]),
    name: fc.constantFrom('GET', 'CONFIG SET', 'EVAL'),
    categories: fc.subarray(['read', 'dangerous']),
    keys: fc.array(fc.record({ name: fc.string(), access: fc.constantFrom('Read' as const, 'Write' as const) }), {
      maxLength: 2,
    }),
  }),
  fc.record({
    protocol: fc.constant('SSH' as const),
    complete: fc.boolean(),
    incomplete: fc.constant([]),
    channel: fc.constantFrom('exec' as const, 'shell' as const, 'sftp' as const, 'forward' as const),
    commands: fc.array(
      fc.record({
        name: fc.constantFrom('rm', '/bin/rm', 'cat', undefined),
        args: fc.array(fc.constantFrom('-r', '/etc/x', undefined), { maxLength: 2 }),
      }),
      { maxLength: 3 },
    ),
    paths: fc.array(
      fc.record({
        path: fc.constantFrom('/etc', '/etc/x', '~/x', undefined),
        access: fc.constantFrom('Read' as const, 'Write' as const),
        by: fc.nat(2),
      }),
      { maxLength: 2 },
    ),
  }),
);

const match: fc.Arbitrary<RuleMatch> = fc.record(
  {
    postgres: fc.record(
      {
        statements: fc.uniqueArray(verb, { maxLength: 3 }),
        tables: fc.array(
          fc.record({
            name: fc
              .tuple(fc.constantFrom('public', '*'), fc.constantFrom('orders', 'people', '*'))
              .map((pair) => pair.join('.')),
            access: fc.constantFrom('Read' as const, 'Write' as const, 'Any' as const),
          }),
          { maxLength: 2 },
        ),
        functions: fc.uniqueArray(fc.constantFrom('now', 'pg_catalog.*', '*.random'), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
    redis: fc.record(
      { commands: fc.uniqueArray(fc.constantFrom('GET', 'CONFIG'), { maxLength: 2 }) },
      { requiredKeys: [] },
    ),
    ssh: fc.record(
      {
        channels: fc.uniqueArray(fc.constantFrom('exec' as const, 'shell' as const), { maxLength: 2 }),
        commands: fc.uniqueArray(fc.constantFrom('rm', 'rm -r *', 'cat'), { maxLength: 2 }),
        paths: fc.array(fc.record({ path: fc.constantFrom('/etc/*', '~/*', '*') }), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

function ruleOf(action: fc.Arbitrary<PolicyRule['action']>): fc.Arbitrary<Omit<PolicyRule, 'name'>> {
  return fc.record(
    {
      action,
      match,
      when: fc.constantFrom(
        'command.statements.exists(s, !s.hasWhere)',
        'command.statements[1].hasWhere',
        '"dba" in identity.groups',
      ),
      approval: fc.record({ approvers: fc.constant({ groups: ['dba'] }), count: fc.integer({ min: 1, max: 3 }) }),
    },
    { requiredKeys: ['action', 'approval'] },
  );
}

const anyRule = ruleOf(fc.constantFrom('Allow', 'Deny', 'RequireApproval'));
const mask: fc.Arbitrary<Omit<PolicyMask, 'name'>> = fc.record({
  columns: fc.constantFrom(['*.*.email'], ['public.people.email'], ['public.people.*']),
  with: fc.constantFrom({ type: 'Redact' }, { type: 'Null' }, { type: 'Partial', keepLast: 2 }, { type: 'Partial' }),
});

const policies: fc.Arbitrary<readonly Policy[]> = fc
  .array(
    fc.record({
      namespace: fc.constantFrom('data', 'agents', 'ops', 'other'),
      mode: fc.constantFrom('Enforce' as const, 'Enforce' as const, 'Observe' as const),
      selector: fc.constantFrom({}, { groups: ['support'] }, { groups: ['dba'] }, { subjects: ['alice'] }),
      rules: fc.array(anyRule, { maxLength: 4 }),
      masks: fc.array(mask, { maxLength: 2 }),
      allowIncomplete: fc.subarray(['DynamicSql', 'Unknown']),
    }),
    { maxLength: 5 },
  )
  .map((specs) =>
    specs.map(({ namespace, rules, masks, ...spec }, index) => {
      const named = {
        rules: rules.map((rule, at) => ({ ...rule, name: `r${at}` })),
        masks: masks.map((of, at) => ({ ...of, name: `m${at}` })),
      };
      return policy({ ...spec, ...named }, namespace, `p${index}`);
    }),
  );

const groups = fc.constantFrom<readonly string[] | 'Unknown'>(['support'], ['dba'], [], 'Unknown');
const defaults = fc.record({
  data: fc.constantFrom('Allow' as const, 'Deny' as const),
  agents: fc.constantFrom('Allow' as const, 'Deny' as const),
});

const setting = fc.record({ policies, groups, defaults, command });
type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never;

function open({ policies: of, groups: who, defaults: by }: Omit<Setting, 'command'>): SessionRules {
  const targets = [target({ defaultAction: by.data }), target({}, 'billing-db')];
  return sessionOf(
    { policies: of, targets, accesses: [access({ defaultAction: by.agents })] },
    question({ groups: who }),
  );
}

function masksSeen(rules: SessionRules): readonly unknown[] {
  return ['public', 'private', ''].flatMap((of) =>
    ['people', 'orders'].flatMap((table) =>
      [rules.masks, rules.recordMasks].map((masks) => [masks.columnMask(of, table, 'email'), masks.unknownOrigin]),
    ),
  );
}

/** An order that a seed fixes, so that a failure can be run again. */
function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  const order = items.map((item, index) => ({
    item,
    key: Math.imul(Math.imul(index + 1, 0x9e3779b1) ^ seed, 0x85ebca6b) >>> 0,
  }));
  return order.toSorted((one, other) => one.key - other.key).map(({ item }) => item);
}

function reordered(of: readonly Policy[], seed: number): readonly Policy[] {
  return shuffled(of, seed).map((one) => ({
    ...one,
    spec: { ...one.spec, rules: shuffled(one.spec.rules ?? [], seed), masks: shuffled(one.spec.masks ?? [], seed + 1) },
  }));
}

function withoutConditions(of: readonly Policy[]): readonly Policy[] {
  return of.map((one) => {
    const rules = (one.spec.rules ?? []).map((rule) => {
      const { when, ...bare } = rule;
      return when === undefined ? rule : bare;
    });
    return { ...one, spec: { ...one.spec, rules } };
  });
}

describe('whatever the policies', () => {
  it('order never changes a decision or a mask', () => {
    fc.assert(
      fc.property(setting, fc.nat(), (of, seed) => {
        const one = open(of);
        const other = open({ ...of, policies: reordered(of.policies, seed) });
        expect(other.decide(of.command)).toEqual(one.decide(of.command));
        expect(masksSeen(other)).toEqual(masksSeen(one));
      }),
      RUNS,
    );
  });

  it('one more denial or approval never loosens an answer', () => {
    const more = fc.record({
      namespace: fc.constantFrom('data', 'agents', 'ops'),
      rule: ruleOf(fc.constantFrom('Deny')),
    });
    fc.assert(
      fc.property(setting, more, (of, { namespace, rule }) => {
        const added = policy({ rules: [{ ...rule, name: 'added' }] }, namespace, 'added');
        const before = open(of).decide(of.command);
        const after = open({ ...of, policies: [...of.policies, added] }).decide(of.command);
        expect(RANK[after.action]).toBeGreaterThanOrEqual(RANK[before.action]);
      }),
      RUNS,
    );
  });

  it('one more policy that observes changes nothing', () => {
    fc.assert(
      fc.property(setting, policies, (of, others) => {
        const observing = others.map((one) =>
          policy({ ...one.spec, mode: 'Observe' }, one.metadata.namespace, `o-${one.metadata.name}`),
        );
        const before = open(of);
        const after = open({ ...of, policies: [...of.policies, ...observing] });
        const { observed: _, ...decision } = after.decide(of.command);
        expect(before.decide(of.command)).toMatchObject(decision);
        expect(masksSeen({ ...after, recordMasks: after.masks })).toEqual(
          masksSeen({ ...before, recordMasks: before.masks }),
        );
      }),
      RUNS,
    );
  });

  it('to leave groups out of a token never wins anything', () => {
    fc.assert(
      fc.property(setting, fc.subarray(['support', 'dba']), (of, known) => {
        // Conditions aside: one may well ask for a group that is not there.
        const bare = withoutConditions(of.policies);
        const withGroups = open({ ...of, policies: bare, groups: known }).decide(of.command);
        const without = open({ ...of, policies: bare, groups: 'Unknown' }).decide(of.command);
        expect(RANK[without.action]).toBeGreaterThanOrEqual(RANK[withGroups.action]);
      }),
      RUNS,
    );
  });

  it('an answer never loosens as a command grows by a statement', () => {
    fc.assert(
      fc.property(setting, command, (of, more) => {
        if (of.command.protocol !== 'Postgres' || more.protocol !== 'Postgres' || of.command.statements.length === 0)
          return;
        const bare = withoutConditions(of.policies);
        const rules = open({ ...of, policies: bare });
        const grown: Command = { ...of.command, statements: [...of.command.statements, ...more.statements] };
        expect(RANK[rules.decide(grown).action]).toBeGreaterThanOrEqual(RANK[rules.decide(of.command).action]);
      }),
      RUNS,
    );
  });
});
