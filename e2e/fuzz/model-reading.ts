import type { MaskRules, PostgresStatement } from '@sidegate/policy';
import type {
  OutputOrigin,
  ReadSql,
  RelationCatalog,
  StatementReading,
} from '../../sidecar/src/protocols/postgres/sql-reading.ts';
import { SECRET, SECRET_TABLE } from './model-server.ts';

const SECRET_COLUMN = { schema: 'public', table: 'customers', column: 'ssn' };
const ID_COLUMN = { ...SECRET_COLUMN, column: 'id' };

/** The catalog of the model server: one table, whose second column is masked. */
export const MODEL_CATALOG: RelationCatalog = {
  version: '1',
  relation: (oid) =>
    oid === SECRET_TABLE
      ? {
          schema: 'public',
          name: 'customers',
          columns: new Map([
            [1, { name: 'id', typeOid: 25, bases: [ID_COLUMN] }],
            [2, { name: 'ssn', typeOid: 25, bases: [SECRET_COLUMN] }],
          ]),
        }
      : undefined,
};

const REDACT = { rule: 'test', with: { type: 'Redact' } } as const;

/** Masks on the secret column, or none at all. */
export function modelMasks(isMasking: boolean): MaskRules {
  return {
    empty: !isMasking,
    columns: isMasking,
    columnMask: (_schema, table, column) =>
      isMasking && table === 'customers' && column === 'ssn' ? REDACT : undefined,
    masksTable: (_schema, table) => isMasking && table === 'customers',
    fields: [],
    detect: [],
    unknownOrigin: REDACT,
    maskValue: (_mask, text) => (text.includes(SECRET) ? '[masked]' : '[other]'),
    maskContent: (text) => text,
    maskJson: (text) => text,
  };
}

/** Reads the statements that the model server understands. */
export const readModel: ReadSql = (text) => {
  const statements = text.split(';').map(readStatement);
  return {
    command: {
      protocol: 'Postgres',
      complete: true,
      incomplete: [],
      statements: statements.map(({ policy }) => policy),
    },
    statements: statements.map(({ reading }) => reading),
    parameters: [],
    verbs: statements.map(({ policy }) => policy.verb),
    objects: [],
    ofThisMoment: false,
    masksText: () => text,
  };
};

function readStatement(text: string): { readonly policy: PostgresStatement; readonly reading: StatementReading } {
  const verb = text.split(' ')[0]?.toUpperCase() ?? '';
  const secret = text === 'select secret';
  const tables = secret ? [{ schema: 'public', name: 'customers', access: 'Read' as const }] : [];
  return {
    policy: { verb, hasWhere: false, hasLimit: false, tables, functions: [], columns: [] },
    reading: {
      verb,
      outputs: outputsOf(text),
      changesCatalog: text === 'create table',
      sessionEffect: effectOf(text),
      ...copyOf(text),
    },
  };
}

function outputsOf(text: string): readonly OutputOrigin[] {
  if (text === 'select secret')
    return [
      { kind: 'Column', ...ID_COLUMN },
      { kind: 'Column', ...SECRET_COLUMN },
    ];
  if (text === 'select many') return [{ kind: 'Literal' }, { kind: 'Literal' }];
  return text.startsWith('select') ? [{ kind: 'Literal' }] : [];
}

function effectOf(text: string): StatementReading['sessionEffect'] {
  if (text === 'begin') return { kind: 'Begin' };
  if (text === 'commit') return { kind: 'Commit' };
  if (text === 'rollback') return { kind: 'Rollback' };
  return text === 'set name' ? { kind: 'Set', name: 'application_name', value: 'x', local: false } : undefined;
}

function copyOf(text: string): Pick<StatementReading, 'copy'> {
  if (!text.startsWith('copy')) return {};
  const direction = text === 'copy in' ? 'In' : 'Out';
  const format = { format: 'Text', delimiter: '\t', nullText: '\\N', quote: '"', escape: '"', header: false } as const;
  return { copy: { direction, columns: [{ kind: 'Literal' }], typeOids: [25], ...format } };
}
