import { describe, expect, test } from '@jest/globals';
import { buildContentMask, buildJsonMask, type MaskRules } from '@sidegate/policy';
import { MASKS } from '../testing/exhibit.ts';
import type { Answer, Request } from './codec.ts';
import { STATUS } from './messages.ts';
import { Conversation, opening } from './testing/conversation.ts';

const KEY = Buffer.from('a key for tests');
const OK: Answer = { kind: 'Status', code: STATUS.ok, text: '' };
const MIB = 1024 * 1024;

type Detect = MaskRules['detect'];
type Fields = MaskRules['fields'];

function masksOf(digest: string, detect: Detect, fields: Fields = []): MaskRules {
  const maskContent = buildContentMask(detect, KEY);
  const maskJson = buildJsonMask(fields, maskContent, KEY);
  return { ...MASKS, digests: [digest], detect, fields, maskContent, maskJson };
}

const PARTIAL: Detect = [{ detector: 'Email', mask: { rule: 'seen', with: { type: 'Partial', keepLast: 4 } } }];
const REDACT: Detect = [{ detector: 'Email', mask: { rule: 'watched', with: { type: 'Redact' } } }];
const KEYS: Detect = [{ detector: 'PrivateKey', mask: { rule: 'watched', with: { type: 'Redact' } } }];
const HASH: Fields = [{ path: '$.word', mask: { rule: 'seen', with: { type: 'Hash' } } }];
const SEEN = masksOf('seen', PARTIAL);
const WATCHED = masksOf('watched', REDACT);
const reading = (offset: number, length: number): Request => ({ kind: 'Read', handle: 'h', offset, length });

/** What the agent got, and what the record shows under its file, of reads of it one after the other. */
function read(content: string, masks: MaskRules, recordMasks: MaskRules, reads: readonly Request[], isClosed = true) {
  const conversation = Conversation.open({ masks, recordMasks, content: Buffer.from(content) });
  conversation.ask(1, opening('/x'));
  conversation.answer({ kind: 'Handle', handle: 'h' });
  conversation.told.length = 0;
  conversation.recorded.length = 0;
  for (const [at, request] of reads.entries()) conversation.ask(2 + at, request);
  const got = conversation.told.flatMap(({ answer }) => (answer.kind === 'Data' ? [Buffer.from(answer.data)] : []));
  if (isClosed) {
    conversation.ask(99, { kind: 'Close', handle: 'h' });
    conversation.answer(OK);
  } else conversation.session.abandon('The channel is closed.');
  const record = Buffer.concat(conversation.recorded.map(({ bytes }) => bytes)).toString('latin1');
  return { got: Buffer.concat(got).toString('latin1'), record, tag: conversation.endings[0]?.tag };
}

describe('where the record hides more than the agent is shown, it shows', () => {
  test('what its own masks make of the file, not of what other masks left of it', () => {
    const { got, record } = read('of ada@example.com\n', SEEN, WATCHED, [reading(0, 99)]);
    expect(got).toBe('of ***********.com\n');
    expect(record).toContain('of [masked]\n');
    expect(record).not.toContain('.com');
  });

  test('a hash as the agent sees it', () => {
    const both = masksOf('both', REDACT, HASH);
    const { got, record } = read('{"word":"sesame"}\n', masksOf('hash', [], HASH), both, [reading(0, 99)]);
    expect(got).toMatch(/^\{"word":"hash:[0-9a-f]{16}"\}\n$/);
    expect(record).toContain(got);
  });

  test.each([true, false])(
    'all lines that the agent got whole, and says what is left out, when it is closed: %s',
    (isClosed) => {
      const content = 'of ada@example.com\nof eve@example.com\nof bob@example.com\n';
      const { got, record, tag } = read(content, SEEN, WATCHED, [reading(0, 19), reading(19, 6)], isClosed);
      expect(got).toBe('of ***********.com\nof ***');
      expect(record).toContain('of [masked]\n');
      expect(record.split('of ')).toHaveLength(2);
      expect(tag).toContain('not all in the record');
    },
  );

  test('nothing that is kept back from the agent', () => {
    const { record } = read('a\nof ada@example.com', SEEN, WATCHED, [reading(0, 1)], false);
    expect(record).toContain('a');
    expect(record).not.toContain('of');
  });

  test('of a line that both see alike as much as the agent got', () => {
    const content = 'of ada@example.com\nnothing\nelse\n';
    const { record, tag } = read(content, SEEN, WATCHED, [reading(0, 19), reading(19, 10)]);
    expect(record).toContain('of [masked]\nnothing\nel');
    expect(record).not.toContain('els');
    expect(tag).not.toContain('not all');
  });

  test('what it keeps back longer than the agent waits, with nothing twice', () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${'b3BlbnNz\n'.repeat(9)}-----END PRIVATE KEY-----\n`;
    const watched = masksOf('watched', [...REDACT, ...KEYS]);
    const whole = read(`a\n${key}z\n`, SEEN, watched, [reading(0, 20), reading(20, 999)]);
    expect(whole.got).toBe(`a\n${key}z\n`);
    expect(whole.record).toContain('a\n[masked]\nz\n');
    expect(whole.record).not.toContain('b3Blb');
    const begun = read(`a\n${key}z\n`, SEEN, watched, [reading(0, 50)]);
    expect([begun.record.includes('a\n'), begun.tag?.includes('not all in the record')]).toEqual([true, true]);
    expect(begun.record).not.toContain('b3Blb');
  });

  test('nothing behind a part that was left out', () => {
    const content = 'of ada@example.com\n'.repeat(250_000);
    const { record, tag } = read(content, SEEN, WATCHED, [
      reading(0, 19),
      reading(4 * MIB, 19),
      reading(4 * MIB + 19, 19),
    ]);
    expect(record.split('[masked]')).toHaveLength(2);
    expect(record).not.toContain('.com');
    expect(tag).toContain('not all in the record');
  });
});
