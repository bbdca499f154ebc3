import { expect, test } from '@jest/globals';
import { sampleOpened } from '@sidegate/session/testing';
import { Gathering, type SpooledSession } from './gathering.ts';

const session = (index: number): SpooledSession => ({
  sessionId: `s${index}`,
  index,
  sequence: 0,
  introducedIn: 0,
  written: false,
  closed: false,
  central: false,
  stored: undefined,
});
const remark = (text: string) => ({ kind: 'Remark', atUs: 2, code: 'C', text }) as const;
const answer = { kind: 'AnswerPart', atUs: 2, commandId: 1, bytes: new Uint8Array(100_000).fill(3) } as const;

/** Two sessions that stay, and what else happens between their events. */
function gatheredWith(between: (gathering: Gathering) => void): Gathering {
  const gathering = new Gathering();
  const [one, two] = [session(1), session(2)];
  for (const text of ['a', 'b', 'c']) {
    gathering.add(one, remark(text));
    between(gathering);
    gathering.add(two, answer);
    gathering.add(two, remark(text));
  }
  return gathering;
}

const written = (gathering: Gathering) => Buffer.concat(gathering.slices(1)).toString('hex');

test('sessions that are discarded leave nothing behind, however many come', () => {
  let count = 2;
  const gathering = gatheredWith((one) => {
    for (let round = 0; round < 1000; round += 1) {
      const refused = session((count += 1));
      one.add(refused, sampleOpened({ sessionId: refused.sessionId }));
      one.add(refused, answer);
      one.discard(refused);
    }
  });
  // Where a session stood that was discarded, a run was begun anew.
  const plain = gatheredWith(() => {});
  expect(gathering.bytes).toBe(plain.bytes);
  expect(written(gathering)).toBe(written(plain));
});

test('a session that is discarded from between others leaves those as they are', () => {
  const gathering = new Gathering();
  const [one, gone, two] = [session(1), session(3), session(2)];
  for (const who of [one, gone, two, gone, one]) gathering.add(who, remark('x'));
  gathering.add(gone, answer);
  gathering.add(two, answer);
  gathering.discard(gone);
  const plain = new Gathering();
  const [first, second] = [session(1), session(2)];
  for (const who of [first, second, first]) plain.add(who, remark('x'));
  plain.add(second, answer);
  expect(gathering.bytes).toBe(plain.bytes);
  expect(written(gathering)).toBe(written(plain));
});
