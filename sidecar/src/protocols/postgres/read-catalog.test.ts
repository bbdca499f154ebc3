import { describe, expect, test } from '@jest/globals';
import { fail, ok } from '@sidegate/crds';
import type { CatalogStep } from '../protocol.ts';
import { type CatalogAnswers, CatalogReading } from './read-catalog.ts';
import { authentication, complete, error, ready, row, rows } from './testing/frames.ts';
import { describeFrames } from './testing/transcript.ts';

type Name = 'one' | 'two';
const QUESTIONS = [
  { name: 'one', sql: 'select 1' },
  { name: 'two', sql: 'select 2' },
] as const;

/** Plays the server's pieces, each cut into pieces of `every` bytes, and tells what was done. */
function read(pieces: readonly Uint8Array[], every = 1_000, tls = false): readonly string[] {
  const reading = new CatalogReading<Name>(
    {
      credential: { username: 'svc', password: 'secret' },
      database: 'shop',
      tls,
      random: (bytes) => new Uint8Array(bytes),
      shared: undefined,
    },
    new Map(),
    QUESTIONS,
    (answers: CatalogAnswers<Name>) => (answers.one.length === 1 ? ok(answers) : fail({ code: 'Bad', message: 'bad' })),
  );
  const lines: string[] = [];
  const note = (steps: readonly CatalogStep[]): void => {
    for (const step of steps) {
      if (step.kind === 'Send') lines.push(...describeFrames(step.bytes, false));
      else if (step.kind === 'StartTls') {
        lines.push('start TLS');
        note(reading.secured());
      } else
        lines.push(
          step.catalog.ok ? `catalog ${JSON.stringify(step.catalog.value)}` : `fault ${step.catalog.fault.message}`,
        );
    }
  };
  note(reading.connected());
  for (const piece of pieces)
    for (let at = 0; at < piece.length; at += every)
      note(reading.receive(Uint8Array.from(piece.subarray(at, at + every))));
  return lines;
}

const login = Buffer.concat([authentication(0), ready()]);
const begun = Buffer.concat([complete('BEGIN'), ready('T')]);
const one = Buffer.concat([rows({ name: 'a' }, { name: 'b' }), row('x', null), complete('SELECT 1'), ready('T')]);
const none = Buffer.concat([rows({ name: 'a' }), complete('SELECT 0'), ready('T')]);

describe('the catalog', () => {
  test.each([1, 2, 3, 1_000])(
    'is read on a connection of its own, question by question (%d bytes at a time)',
    (every) => {
      expect(read([login, begun, one, none], every)).toEqual([
        'raw \\00\\00\\00W\\00\\03\\00\\00user\\00svc\\00database\\00shop\\00application_name\\00sidegate catalog\\00client_encoding\\00UTF8\\00\\00',
        'query BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY\\00',
        'query select 1\\00',
        'query select 2\\00',
        'terminate',
        'catalog {"one":[["x",null]],"two":[]}',
      ]);
    },
  );

  test.each([
    ['the login fails', [error('28P01', 'no')], 'does not accept the credential'],
    ['a question fails', [login, begun, error('42501', 'permission denied')], 'permission denied'],
    ['the answers make no sense', [login, begun, none, none], 'bad'],
    ['a row is malformed', [login, begun, Buffer.from(row('x')).fill(9, 6, 7)], 'make no sense'],
  ])('is a fault when %s', (_, pieces, message) => {
    expect(read(pieces).at(-1)).toMatch(new RegExp(`^fault .*(${message}|make no sense)`, 'u'));
  });

  test('is not read in clear where TLS is demanded', () => {
    expect(read([Buffer.from('N')], 1, true).at(-1)).toContain('offers no TLS');
    expect(read([Buffer.from('S'), login], 1_000, true)).toContain('start TLS');
  });
});
