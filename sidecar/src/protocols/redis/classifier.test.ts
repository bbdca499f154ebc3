import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Classifier } from './classifier.ts';
import { classify } from './classify.ts';
import { committedCatalog } from './command-catalog.ts';

const catalog = committedCatalog();
const NAMES = [...catalog.entries.keys()];
const COMMON = ['GET', 'SET', 'DEL', 'EXPIRE', 'GETDEL', 'TTL', 'LRANGE', 'SADD', 'MOVE', 'HVALS', 'SPOP', 'WATCH'];

const name = fc.oneof(fc.constantFrom(...COMMON), fc.constantFrom(...NAMES), fc.string());
const cased = fc
  .tuple(name, fc.boolean())
  .map(([text, isLower]) => (isLower ? text.toLowerCase() : text).split(' ').map((word) => Buffer.from(word)));
const argument = fc.oneof(
  fc.constantFrom('a', 'key:1', 'GET', 'EX', '1', '0', 'STREAMS', 'session:1', '').map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 6 }),
);
const command = fc.tuple(cased, fc.array(argument, { maxLength: 4 })).map(([words, args]) => [...words, ...args]);

describe('what is remembered of how commands are read', () => {
  it('changes nothing', () => {
    const setting = fc.record({
      databases: fc.constantFrom(undefined, new Set([0]), new Set([1, 2])),
      commands: fc.array(fc.record({ args: command, database: fc.nat(2), inTransaction: fc.boolean() }), {
        minLength: 10,
      }),
    });
    fc.assert(
      fc.property(setting, ({ databases, commands }) => {
        const classifier = new Classifier(catalog, databases);
        for (const { args, database, inTransaction } of commands) {
          const expected = classify(args, { catalog, databases, database, inTransaction });
          expect(classifier.read(args, database, inTransaction)).toEqual(expected);
        }
      }),
      { seed: 20261129, numRuns: 400 },
    );
  });

  it('is read anew of each command where more than the first key counts', () => {
    const classifier = new Classifier(catalog, undefined);
    const read = (...args: readonly string[]) =>
      classifier.read(
        args.map((arg) => Buffer.from(arg)),
        0,
        false,
      );
    expect(read('SET', 'a', '1').command.keys).toEqual([{ name: 'a', access: 'Write' }]);
    expect(read('SET', 'a', '1', 'GET').command.keys.map(({ access }) => access)).toEqual(['Read', 'Write']);
    expect(read('DEL', 'a', 'b').command.keys).toHaveLength(2);
    expect(read('DEL', 'a').command.keys).toHaveLength(1);
  });
});
