import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { openProtocols, type Registry } from '../index.ts';
import { Playback } from '../playback.ts';
import { postgresExhibit } from './testing/exhibit.ts';
import {
  bind,
  bindComplete,
  complete,
  execute as executeFrame,
  noData,
  parse,
  parseComplete,
  query,
  ready,
  status,
  sync,
} from './testing/frames.ts';

const EXHIBIT = postgresExhibit(readFileSync(new URL('fixture/catalog.json', import.meta.url), 'utf8'));
const LIMITS = { frameBytesMax: 1 << 20, pendingCommandsMax: 64, preparedMax: 64 };
let registry: Registry;

beforeAll(async () => {
  registry = await openProtocols();
});

class Talk {
  readonly playback: Playback;

  constructor() {
    const protocol = registry.protocols.get('Postgres');
    if (protocol === undefined) throw new Error('it is not in the registry');
    const shared = registry.shared.get('Postgres');
    this.playback = new Playback(protocol.openSession({ ...EXHIBIT.sessionOptions(LIMITS), shared }), EXHIBIT.answers);
    for (const { from, bytes } of EXHIBIT.opening) {
      if (from === 'Agent') this.playback.agent(bytes);
      else this.playback.target(bytes);
    }
  }

  run(text: string, tag: string): void {
    this.playback.agent(query(text));
    this.playback.target(Buffer.concat([complete(tag), ready()]));
  }

  /** What the gate was asked about last: the bytes that an approval is bound to, and what it depends on besides. */
  get judged(): { readonly wire: string; readonly place: Readonly<Record<string, string>> | undefined } {
    const { wire, place } = JSON.parse(this.playback.trace.findLast(({ kind }) => kind === 'Judge')?.details ?? '{}');
    return { wire, place };
  }
}

describe('what an approval is bound to, and whoever approves is shown', () => {
  test.each<[story: string, execute: string]>([
    ['EXECUTE', 'EXECUTE p'],
    ['EXECUTE that is explained', 'EXPLAIN (ANALYZE) EXECUTE p'],
    ['EXECUTE that makes a table', 'CREATE TABLE made AS EXECUTE p'],
  ])('%s: the statement that stands behind the name', (_story, execute) => {
    const talk = new Talk();
    talk.run('PREPARE p AS SELECT id FROM orders WHERE id = 1', 'PREPARE');
    talk.playback.agent(query(execute));
    const first = talk.judged;
    expect(first.place).toEqual({ 'prepared p:': expect.stringContaining('WHERE id = 1') });
    talk.playback.target(Buffer.concat([complete('SELECT 0'), ready()]));
    talk.run('DEALLOCATE p', 'DEALLOCATE');
    talk.run('PREPARE p AS SELECT id FROM orders WHERE true', 'PREPARE');
    talk.playback.agent(query(execute));
    expect(talk.judged.wire).not.toBe(first.wire);
    expect(talk.judged.place).toEqual({ 'prepared p:': expect.stringContaining('WHERE true') });
  });

  test('EXECUTE of what Parse made', () => {
    const talk = new Talk();
    talk.playback.agent(Buffer.concat([parse('p', "SELECT id FROM customers WHERE ssn = '078-05-1120'"), sync]));
    talk.playback.target(Buffer.concat([parseComplete, ready()]));
    talk.playback.agent(query('EXECUTE p'));
    expect(JSON.stringify(talk.judged.place)).toContain('SELECT id FROM customers');
    expect(JSON.stringify(talk.judged.place)).not.toContain('078-05-1120');
  });

  test('the schemas in which names are looked up, and the role', () => {
    const talk = new Talk();
    talk.playback.agent(query('SELECT now()'));
    expect(talk.judged.place).toBeUndefined();
    talk.playback.target(Buffer.concat([complete('SELECT 0'), ready()]));
    talk.run('SET ROLE other', 'SET');
    talk.playback.agent(query('SELECT now()'));
    expect(talk.judged.place).toEqual({ role: 'other' });
  });

  test('the settings that say what a literal means', () => {
    const talk = new Talk();
    talk.playback.target(status('DateStyle', 'ISO, MDY'));
    talk.playback.agent(query('SET timezone = UTC'));
    talk.playback.target(Buffer.concat([complete('SET'), status('TimeZone', 'UTC'), ready()]));
    const now = (): unknown => {
      talk.playback.agent(query('SELECT now()'));
      const { place } = talk.judged;
      talk.playback.target(Buffer.concat([complete('SELECT 0'), ready()]));
      return place;
    };
    expect(now()).toEqual({ DateStyle: 'ISO, MDY', TimeZone: 'UTC' });
    talk.playback.agent(
      Buffer.concat([parse('', 'SET datestyle = DMY'), bind('', ''), executeFrame(''), parse('', 'SELECT now()')]),
    );
    talk.playback.target(Buffer.concat([parseComplete, bindComplete, complete('SET')]));
    expect(talk.judged.place).toEqual({ DateStyle: 'dmy', TimeZone: 'UTC' });
    talk.playback.agent(sync);
    talk.playback.target(Buffer.concat([parseComplete, status('DateStyle', 'ISO, DMY'), ready()]));
    expect(now()).toEqual({ DateStyle: 'ISO, DMY', TimeZone: 'UTC' });
    talk.playback.agent(
      Buffer.concat([
        parse('', "SELECT set_config('datestyle', 'MDY', false)"),
        bind('', ''),
        executeFrame(''),
        parse('', 'SELECT now()'),
      ]),
    );
    // The session asks what the rows look like.
    talk.playback.target(Buffer.concat([parseComplete, bindComplete, noData, complete('SELECT 1')]));
    expect(talk.judged.place).toEqual({
      DateStyle: '(not known)',
      IntervalStyle: '(not known)',
      TimeZone: '(not known)',
    });
  });
});
