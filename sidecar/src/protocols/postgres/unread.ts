import type { MaskRules } from '@sidegate/policy';
import type { RelationCatalog, SqlReading } from './sql-reading.ts';

const NO_RELATIONS: RelationCatalog = { version: 'none', relation: () => undefined };

/** A catalog that knows nothing: every origin is unknown. */
export function unreadCatalog(): RelationCatalog {
  return NO_RELATIONS;
}

/** What is known of a text that nobody read: nothing. It is refused wherever incomplete commands are. */
export function unread(text: string): SqlReading {
  return {
    command: {
      protocol: 'Postgres',
      complete: false,
      incomplete: [{ kind: 'NotRead', detail: 'SQL is not read by this gate.' }],
      statements: [],
    },
    statements: [],
    parameters: [],
    verbs: [],
    objects: [],
    ofThisMoment: false,
    masksText: (masks: MaskRules) => (masks.empty ? text : '[masked]'),
  };
}
