import { describe, expect, it } from '@jest/globals';
import type { Policy, PolicyRule } from '@sidegate/crds';
import type { Command } from '../command.ts';
import { call, policy, postgres, read, redis, sessionOf, statement, write } from '../fixture/bundle.ts';

const SELECT = postgres(statement('SELECT', { tables: [read('public.orders')] }));
const DROP = postgres(statement('DROP', { tables: [write('public.orders')] }));

function rule(action: 'Allow' | 'Deny', parts: Partial<PolicyRule> = {}): PolicyRule {
  return { name: `r-${action.toLowerCase()}`, action, ...parts };
}

const allowAll = policy({ rules: [rule('Allow')] }, 'data', 'all');

describe('what an Allow rule covers', () => {
  const allow = (...matches: readonly PolicyRule['match'][]): readonly Policy[] => [
    policy({ rules: matches.map((match, index) => rule('Allow', { name: `r${index}`, ...(match && { match }) })) }),
  ];
  const selectOrders = {
    postgres: { statements: ['select'], tables: [{ name: 'public.orders', access: 'Read' as const }] },
  };
  it.each([
    ['the statement and table it names', allow(selectOrders), SELECT, 'Allow'],
    [
      'not another table',
      allow(selectOrders),
      postgres(statement('SELECT', { tables: [read('public.secrets')] })),
      'Deny',
    ],
    [
      'not a second table',
      allow(selectOrders),
      postgres(statement('SELECT', { tables: [read('public.orders'), read('public.secrets')] })),
      'Deny',
    ],
    [
      'not a table whose schema is not known',
      allow(selectOrders),
      postgres(statement('SELECT', { tables: [read('.orders')] })),
      'Deny',
    ],
    [
      'not a name in other case',
      allow(selectOrders),
      postgres(statement('SELECT', { tables: [read('public.Orders')] })),
      'Deny',
    ],
    [
      'not another access',
      allow(selectOrders),
      postgres(statement('SELECT', { tables: [write('public.orders')] })),
      'Deny',
    ],
    ['not a second statement', allow(selectOrders), postgres(...statementsOf(SELECT), ...statementsOf(DROP)), 'Deny'],
    [
      'two tables by two rules',
      allow(selectOrders, { postgres: { tables: [{ name: 'public.items' }] } }),
      postgres(statement('SELECT', { tables: [read('public.orders'), read('public.items')] })),
      'Allow',
    ],
    [
      'a stable function beside its tables',
      allow(selectOrders),
      postgres(statement('SELECT', { tables: [read('public.orders')], functions: [call('pg_catalog.now')] })),
      'Allow',
    ],
    [
      'not a volatile function',
      allow(selectOrders),
      postgres(
        statement('SELECT', {
          tables: [read('public.orders')],
          functions: [call('pg_catalog.pg_read_file', 'Volatile')],
        }),
      ),
      'Deny',
    ],
    [
      'not a function of which nothing is known',
      allow(selectOrders),
      postgres(statement('SELECT', { tables: [read('public.orders')], functions: [call('public.f', 'Unknown')] })),
      'Deny',
    ],
    [
      'a volatile function by another rule',
      allow(selectOrders, { postgres: { functions: ['random'] } }),
      postgres(
        statement('SELECT', { tables: [read('public.orders')], functions: [call('pg_catalog.random', 'Volatile')] }),
      ),
      'Allow',
    ],
    [
      "not somebody's function of that name",
      allow(selectOrders, { postgres: { functions: ['random'] } }),
      postgres(statement('SELECT', { tables: [read('public.orders')], functions: [call('evil.random', 'Volatile')] })),
      'Deny',
    ],
    [
      'by a rule about functions, not tables',
      allow({ postgres: { functions: ['random'] } }),
      postgres(
        statement('SELECT', { tables: [read('public.orders')], functions: [call('pg_catalog.random', 'Volatile')] }),
      ),
      'Deny',
    ],
    ['a SELECT of no table', allow(selectOrders), postgres(statement('SELECT')), 'Allow'],
    [
      'not a SET beside a rule about tables',
      allow({ postgres: { tables: [{ name: '*.*' }] } }),
      postgres(statement('SET')),
      'Deny',
    ],
    ['an empty command', allow(selectOrders), postgres(), 'Allow'],
    ['no empty command without a rule', [], postgres(), 'Deny'],
    ['no Redis command by a rule about PostgreSQL', allow(selectOrders), redis('GET', ['a']), 'Deny'],
    [
      'the keys it names',
      allow({ redis: { commands: ['get'], keys: [{ name: 'user:*' }] } }),
      redis('GET', ['user:1']),
      'Allow',
    ],
    [
      'not a second key',
      allow({ redis: { commands: ['get'], keys: [{ name: 'user:*' }] } }),
      redis('GET', ['user:1', 'x']),
      'Deny',
    ],
  ] as const)('%s', (_, policies, command, expected) => {
    expect(sessionOf({ policies }).decide(command).action).toBe(expected);
  });
});

function statementsOf(command: Command): readonly ReturnType<typeof statement>[] {
  return command.protocol === 'Postgres' ? command.statements : [];
}

describe('what a restriction meets', () => {
  const deny = (match: NonNullable<PolicyRule['match']>): readonly Policy[] => [
    allowAll,
    policy({ rules: [rule('Deny', { match })] }),
  ];
  const orders = { postgres: { tables: [{ name: 'public.orders' }] } };
  it.each([
    [
      'any statement of several',
      deny({ postgres: { statements: ['DROP'] } }),
      postgres(...statementsOf(SELECT), ...statementsOf(DROP)),
      'Deny',
    ],
    ['no other statement', deny({ postgres: { statements: ['DROP'] } }), SELECT, 'Allow'],
    ['a name in other case', deny(orders), postgres(statement('SELECT', { tables: [read('public.ORDERS')] })), 'Deny'],
    [
      'a table whose schema is not known',
      deny(orders),
      postgres(statement('SELECT', { tables: [read('.orders')] })),
      'Deny',
    ],
    ['no other table', deny(orders), postgres(statement('SELECT', { tables: [read('public.items')] })), 'Allow'],
    [
      'a function wherever it lives',
      deny({ postgres: { functions: ['pg_sleep'] } }),
      postgres(statement('SELECT', { functions: [call('x.pg_sleep')] })),
      'Deny',
    ],
    [
      'a statement by another word',
      deny({ postgres: { statements: ['ABORT'] } }),
      postgres(statement('ROLLBACK')),
      'Deny',
    ],
    [
      'a statement of two words by its first',
      deny({ postgres: { statements: ['REASSIGN'] } }),
      postgres(statement('REASSIGN OWNED')),
      'Deny',
    ],
    [
      'no statement that only has the word in it',
      deny({ postgres: { statements: ['SECURITY'] } }),
      postgres(statement('SET SECURITY')),
      'Allow',
    ],
    ['a subcommand', deny({ redis: { commands: ['config'] } }), redis('CONFIG SET'), 'Deny'],
    ['no command that only begins so', deny({ redis: { commands: ['config'] } }), redis('CONFIGURE'), 'Allow'],
    ['a category', deny({ redis: { categories: ['@dangerous'] } }), redis('FLUSHALL', [], ['dangerous']), 'Deny'],
    ['no other category', deny({ redis: { categories: ['@dangerous'] } }), redis('GET', ['a'], ['read']), 'Allow'],
    [
      'every part that it names at once',
      deny({ postgres: { statements: ['SELECT'], tables: [{ name: 'public.orders' }] } }),
      DROP,
      'Allow',
    ],
  ] as const)('%s', (_, policies, command, expected) => {
    expect(sessionOf({ policies }).decide(command).action).toBe(expected);
  });
});
