import { assertNever } from '@sidegate/crds';
import type { Command } from '../command.ts';

/**
 * What a command is made of, one thing that must be permitted each: a statement, a table or function that it touches, a key, a channel, a program, a path. A command is allowed
 * only when rules cover every part.
 */
export interface CommandPart {
  /** The statement that the part belongs to; 0 where a protocol has no statements. */
  readonly statement: number;
  readonly kind: 'Empty' | 'Statement' | 'Table' | 'Function' | 'Command' | 'Key' | 'Channel' | 'Path';
  /** For a person: `SELECT`, `read of public.orders`, `call of pg_catalog.now`. */
  readonly text: string;
}

/** Longest text of one program that is shown, in UTF-16 units: it is there to be recognised, not to be run. */
const SHOWN_LENGTH_MAX = 200;

/** The parts in the order that matchers count them in: each statement, then its tables, then its functions. */
export function partsOf(command: Command): readonly CommandPart[] {
  switch (command.protocol) {
    case 'Postgres': {
      if (command.statements.length === 0) return [{ statement: 0, kind: 'Empty', text: 'an empty command' }];
      const parts: CommandPart[] = [];
      for (const [statement, { verb, tables, functions }] of command.statements.entries()) {
        parts.push({ statement, kind: 'Statement', text: verb });
        for (const { schema, name, access } of tables) {
          parts.push({ statement, kind: 'Table', text: `${access.toLowerCase()} of ${qualified(schema, name)}` });
        }
        for (const { schema, name } of functions) {
          parts.push({ statement, kind: 'Function', text: `call of ${qualified(schema, name)}` });
        }
      }
      return parts;
    }
    case 'Redis':
      return [
        { statement: 0, kind: 'Command', text: command.name },
        ...command.keys.map(({ name, access }): CommandPart => {
          return { statement: 0, kind: 'Key', text: `${access.toLowerCase()} of key ${name}` };
        }),
      ];
    case 'SSH':
      return [
        { statement: 0, kind: 'Channel', text: command.channel },
        ...command.commands.map(({ name, args }): CommandPart => {
          return { statement: 0, kind: 'Command', text: shownWords([name, ...args]) };
        }),
        ...command.paths.map(({ path, access, isTree }): CommandPart => {
          const below = isTree === true ? ' and all below' : '';
          return { statement: 0, kind: 'Path', text: `${access.toLowerCase()} of path ${path ?? '?'}${below}` };
        }),
      ];
    default:
      return assertNever(command);
  }
}

/** Words of one program for a person, with a question mark for each that is not known; long ones are cut. */
export function shownWords(words: readonly (string | undefined)[]): string {
  const text = words.map((word) => word ?? '?').join(' ');
  return text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}...`;
}

/** `schema.name`, with a question mark for a schema that is not known. */
export function qualified(schema: string, name: string): string {
  return `${schema === '' ? '?' : schema}.${name}`;
}
