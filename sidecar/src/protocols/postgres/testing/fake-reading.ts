import type { PostgresStatement } from '@sidegate/policy';
import type { ReadSql, RelationCatalog, SqlReading, StatementReading } from '../sql-reading.ts';

export const NO_CATALOG: RelationCatalog = { version: '1', relation: () => undefined };

/** What a test says of one text; the rest is that of one harmless statement. */
export interface FakeReading {
  readonly statements?: readonly Partial<StatementReading>[];
  readonly policy?: readonly Partial<PostgresStatement>[];
  readonly complete?: boolean;
  readonly parameters?: SqlReading['parameters'];
  readonly ofThisMoment?: boolean;
}

/** A reader that knows only what a test tells it: the session is tested, not the reading. */
export function fakeReader(known: Readonly<Record<string, FakeReading>>): ReadSql {
  return (text) => {
    const fake = known[text] ?? {};
    const verb = /\w+/u.exec(text)?.[0].toUpperCase() ?? '';
    const complete = fake.complete ?? true;
    return {
      command: {
        protocol: 'Postgres',
        complete,
        incomplete: complete ? [] : [{ kind: 'Test', detail: 'The test says so.' }],
        statements: (fake.policy ?? [{}]).map((statement) => ({
          verb,
          hasWhere: false,
          hasLimit: false,
          tables: [],
          functions: [],
          columns: [],
          ...statement,
        })),
      },
      statements: (fake.statements ?? [{}]).map((statement) => ({
        verb,
        outputs: undefined,
        changesCatalog: false,
        sessionEffect: undefined,
        ...statement,
      })),
      parameters: fake.parameters ?? [],
      verbs: [verb],
      objects: [],
      ofThisMoment: fake.ofThisMoment ?? false,
      masksText: (masks) => masks.maskContent(text),
    };
  };
}
