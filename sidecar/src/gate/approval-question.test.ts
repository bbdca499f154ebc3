import { expect, test } from '@jest/globals';
import { buildContentMask, type MaskRules } from '@sidegate/policy';
import { classify } from '../protocols/redis/classify.ts';
import { committedCatalog } from '../protocols/redis/command-catalog.ts';
import { RedisCommandJudged } from '../protocols/redis/redis-command-judged.ts';
import { type AskingSession, showCommand } from './approval-question.ts';

const KEY = ['-----BEGIN PRIVATE KEY-----', "redis.call('SET', 'a', 'b')", '-----END PRIVATE KEY-----'].join('\n');
const maskContent = buildContentMask(
  [{ detector: 'PrivateKey', mask: { rule: 'a', with: { type: 'Redact' } } }],
  new Uint8Array(32),
);
const fields: MaskRules['fields'] = [];
const masks = { empty: false, maskContent, maskJson: maskContent, fields } as MaskRules;
const SESSION: Pick<AskingSession, 'identity'> = { identity: { claimed: {} } as AskingSession['identity'] };

/** What an approver of a command is shown, or why nobody is asked. */
function shownOf(...words: readonly string[]): string {
  const args = words.map((word) => Buffer.from(word));
  const around = { catalog: committedCatalog(), databases: undefined, database: 0, inTransaction: false };
  const session = { recordMasks: masks, databaseShown: '0', inTransaction: false };
  const judged = new RedisCommandJudged(args, new Uint8Array(0), classify(args, around), session);
  const shown = showCommand({ judged, session: SESSION, shown: (text) => text });
  return 'code' in shown ? shown.code : shown.text;
}

test('an approver is asked about a script only where masks hide nothing of it', () => {
  expect(shownOf('EVAL', `--[[ ${KEY} ]]`, '0')).toBe('Hidden');
  expect(shownOf('EVAL', 'return 1', '0')).toBe('EVAL "return 1" 0');
  expect(shownOf('FUNCTION', 'LOAD', `#!lua name=a\n${KEY}`)).toBe('Hidden');
});

test('of a command that is read whole masks hide a value', () => {
  expect(shownOf('SET', 'a', KEY)).toBe('SET a [masked]');
});
