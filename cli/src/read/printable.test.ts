import { expect, test } from '@jest/globals';
import { printable } from './printable.ts';

test.each<[string, string, string]>([
  ['plain ünïcode 日本', 'plain ünïcode 日本', 'plain ünïcode 日本'],
  ['two\n  lines\tand a tab', 'two lines and a tab', 'two\n  lines\tand a tab'],
  ['windows\r\nlines', 'windows lines', 'windows\nlines'],
  ['\u001b[2Jclear', '\\x1b[2Jclear', '\\x1b[2Jclear'],
  ['over\rwritten', 'over\\x0dwritten', 'over\\x0dwritten'],
  ['back\bspace', 'back\\x08space', 'back\\x08space'],
  ['\u009b31m', '\\x9b31m', '\\x9b31m'],
  ['right \u202eto left', 'right \\u{202e}to left', 'right \\u{202e}to left'],
  ['no\u200bwidth', 'no\\u{200b}width', 'no\\u{200b}width'],
  ['rm\u00a0-rf', 'rm\\xa0-rf', 'rm\\xa0-rf'],
  ['a\u2003b\u3000c', 'a\\u{2003}b\\u{3000}c', 'a\\u{2003}b\\u{3000}c'],
  ['a\u3164b\u2800c\ufe0f', 'a\\u{3164}b\\u{2800}c\\u{fe0f}', 'a\\u{3164}b\\u{2800}c\\u{fe0f}'],
])('%j is shown as %j', (text, joined, kept) => {
  expect(printable(text)).toBe(joined);
  expect(printable(text, 'keep')).toBe(kept);
});

test.each([
  ['a \t \r\n \n b', 'a b'],
  ['a  b\t c', 'a  b  c'],
  ['\n', ' '],
])('in one line %j is %j', (text, joined) => {
  expect(printable(text)).toBe(joined);
});

test('white space of any length takes no longer for each character', () => {
  const text = `select${' '.repeat(4 * 1024 * 1024)}1`;
  expect(printable(text)).toBe(text);
  expect(printable(`${text}\n${' '.repeat(1024 * 1024)}x`)).toBe(`${text} x`);
});

test('where every byte counts a carriage return is shown, which shells take for a part of the word before it', () => {
  expect(printable('cat notes\r\n\trm x\r', 'exact')).toBe('cat notes\\x0d\n\trm x\\x0d');
});
