import { describe, expect, it } from '@jest/globals';
import type { Command } from './command.ts';
import { CONDITION_LENGTH_MAX, ConditionCompiler, conditionInput } from './condition.ts';
import { exec, policy, postgres, question, read, redis, rulesOf, sessionOf, statement } from './fixture/bundle.ts';
import { FaultList, type ResourcePlace } from './policy-fault.ts';

const PLACE: ResourcePlace = { kind: 'Policy', namespace: 'data', name: 'guard', field: 'spec.rules[0].when' };
const UNBOUNDED = postgres(statement('DELETE', { tables: [read('public.orders')] }));
const BOUNDED = postgres(statement('DELETE', { hasWhere: true, tables: [read('public.orders')] }));
const RM = exec(['rm -r /tmp/x'], { paths: [{ path: '/tmp/x', access: 'Write', by: 0 }] });
const TREE = exec(['tar -c /etc'], { paths: [{ path: '/etc', access: 'Read', isTree: true, by: 0 }] });
const NAMELESS = { name: undefined, args: [] };
const UNKNOWN_WORDS = exec([], {
  commands: [{ name: 'rm', args: [undefined] }],
  paths: [{ path: undefined, access: 'Write', by: 0 }],
});

function evaluate(text: string, command: Command, groups: readonly string[] | 'Unknown' = ['support']): string {
  const faults = new FaultList();
  const condition = new ConditionCompiler().compile(text, PLACE, faults);
  if (condition === undefined) throw new Error(faults.faults.map(({ message }) => message).join());
  const { identity, target } = question({ groups });
  return condition(conditionInput(command, { identity: identity.verified, target, host: 'orders-db.data.svc' }));
}

const KEYS_BY_PATTERN: Command = {
  protocol: 'Redis',
  complete: true,
  incomplete: [],
  name: 'SORT',
  categories: [],
  keys: [
    { name: 'a', access: 'Read' },
    { name: 's*', access: 'Read', isPattern: true },
  ],
};

describe('evaluating a condition', () => {
  it.each([
    ['command.statements.exists(s, !s.hasWhere)', UNBOUNDED, 'True'],
    ['command.statements.exists(s, !s.hasWhere)', BOUNDED, 'False'],
    ['command.statements.all(s, s.tables.all(t, t.schema == "public"))', UNBOUNDED, 'True'],
    ['command.statements[0].tables[0].name == "orders"', UNBOUNDED, 'True'],
    ['command.statements[7].verb == "DELETE"', UNBOUNDED, 'Failed'],
    ['"support" in identity.groups', UNBOUNDED, 'True'],
    ['identity.subject == "alice" && target.name == "orders-db" && target.host.endsWith(".svc")', UNBOUNDED, 'True'],
    [
      'command.protocol == "Redis" && command.name == "GET" && command.keys.exists(k, k.name == "a")',
      redis('GET', ['a']),
      'True',
    ],
    ['command.keys.exists(k, k.name.startsWith("secrets:"))', KEYS_BY_PATTERN, 'Failed'],
    ['command.keys.all(k, k.name != "b")', KEYS_BY_PATTERN, 'Failed'],
    ['command.keys.exists(k, k.access == "Read" && k.name == "a")', KEYS_BY_PATTERN, 'True'],
    ['command.keys.exists(k, k.access == "Write")', KEYS_BY_PATTERN, 'False'],
    ['command.channel == "exec" && command.commands.exists(c, c.name == "rm" && "-r" in c.args)', RM, 'True'],
    ['command.commands.exists(c, c.name == "dd")', RM, 'False'],
    ['command.paths.all(p, p.path.startsWith("/tmp/") && p.access == "Write")', RM, 'True'],
    ['command.commands.exists(c, "-f" in c.args)', UNKNOWN_WORDS, 'Failed'],
    ['command.commands.exists(c, c.name == "rm")', { ...UNKNOWN_WORDS, commands: [NAMELESS] }, 'Failed'],
    ['command.paths.exists(p, p.path == "/etc/shadow")', UNKNOWN_WORDS, 'Failed'],
    // What is read below may be what is asked for.
    ['command.paths.exists(p, p.path.startsWith("/etc/ssh/"))', TREE, 'Failed'],
    ['command.paths.all(p, p.path != "/etc/shadow")', TREE, 'Failed'],
    ['command.paths.exists(p, has(p.tree) && "/etc/ssh/".startsWith(p.tree))', TREE, 'True'],
    ['command.paths.exists(p, has(p.tree))', RM, 'False'],
    ['command.channel == "" && command.commands.size() == 0', UNBOUNDED, 'True'],
    ['command.statements.exists(s, s.verb.matches("^DEL"))', UNBOUNDED, 'True'],
    ['command.statements.exists(s, s.verb.matches("^EL"))', UNBOUNDED, 'False'],
    ['command.complete && command.incomplete.size() == 0', UNBOUNDED, 'True'],
  ] as const)('%s', (text, command, expected) => {
    expect(evaluate(text, command)).toBe(expected);
  });

  it('fails when it asks for groups that nobody knows', () => {
    expect(evaluate('!("admins" in identity.groups)', UNBOUNDED, 'Unknown')).toBe('Failed');
    expect(evaluate('!("admins" in identity.groups)', UNBOUNDED, [])).toBe('True');
  });

  it('runs patterns in linear time', () => {
    const long = postgres(statement(`${'a'.repeat(4000)}!`));
    expect(evaluate('command.statements.exists(s, s.verb.matches("^(a+)+$"))', long)).toBe('False');
  });

  it.each([
    ['a list', (size: number) => postgres(...Array.from({ length: size }, () => statement('SELECT'))), 1000],
    ['a text', (size: number) => postgres(statement('x'.repeat(size))), 4096],
  ] as const)('fails on %s beyond its limit', (_, make, limit) => {
    const text = 'command.statements.size() > 0';
    expect([limit - 1, limit, limit + 1].map((size) => evaluate(text, make(size)))).toEqual(['True', 'True', 'Failed']);
  });
});

describe('refusing a condition', () => {
  it.each([
    [
      'a field that is not there',
      'command.statements.exists(s, !s.hasWere)',
      'No such key: hasWere (at character 33).',
    ],
    ['a variable that is not there', 'request.path == "x"', 'Unknown variable: request (at character 1).'],
    ['no CEL', 'command.statements.exists(', 'Unexpected token: EOF (at character 27).'],
    ['no yes or no', 'command.statements.size()', 'The condition gives int, not true or false.'],
    [
      'a pattern that cannot be read',
      '"a".matches("(")',
      'matches() cannot read its pattern: error parsing regexp: missing closing ): `(`.',
    ],
    ['a pattern that the command brings', '"a".matches(identity.subject)', 'matches() takes a literal pattern.'],
    [
      'three loops in each other',
      'command.statements.all(a, command.statements.all(b, command.statements.all(c, a.verb == c.verb)))',
      'Loops are nested deeper than 2.',
    ],
    [
      'more text than anyone reads',
      `identity.subject == "${'x'.repeat(CONDITION_LENGTH_MAX)}"`,
      `The condition is longer than ${CONDITION_LENGTH_MAX} characters.`,
    ],
  ])('%s', (_, text, message) => {
    const faults = new FaultList();
    expect(new ConditionCompiler().compile(text, PLACE, faults)).toBeUndefined();
    expect(faults.faults.map((fault) => fault.message)).toEqual([message]);
    expect(faults.faults[0]).toMatchObject({ where: 'Policy data/guard spec.rules[0].when', at: PLACE });
  });

  it('takes two loops in each other, and loops after each other', () => {
    const text = 'command.statements.filter(s, s.hasWhere).map(s, s.tables.map(t, t.name)).size() == 0';
    expect(evaluate(text, UNBOUNDED)).toBe('True');
  });
});

describe('a condition that gives no answer', () => {
  const FAILING = 'command.statements[9].hasWhere';
  const allow = { name: 'allow', action: 'Allow' } as const;
  it.each([
    ['denies', [allow, { name: 'r', action: 'Deny', when: FAILING }], 'Deny'],
    [
      'holds',
      [allow, { name: 'r', action: 'RequireApproval', when: FAILING, approval: { approvers: { groups: ['dba'] } } }],
      'RequireApproval',
    ],
    ['does not allow', [{ ...allow, when: FAILING }], 'Deny'],
    [
      'denies nothing when it answers no',
      [allow, { name: 'r', action: 'Deny', when: 'command.statements[0].hasWhere' }],
      'Allow',
    ],
  ] as const)('%s', (_, rules, expected) => {
    expect(sessionOf({ policies: [policy({ rules })] }).decide(UNBOUNDED).action).toBe(expected);
  });

  it('is shown by explain', () => {
    const set = rulesOf({ policies: [policy({ rules: [{ name: 'r', action: 'Deny', when: FAILING }] })] });
    const explained = set.explain(question(), UNBOUNDED);
    expect(explained.kind === 'Judged' ? explained.rules.map(({ because }) => because) : []).toEqual([
      'its match fits and its condition gave no answer, which counts against the command',
    ]);
  });
});
