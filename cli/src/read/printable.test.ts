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
])('%j is shown as %j', (text, joined, kept) => {
  expect(printable(text)).toBe(joined);
  expect(printable(text, 'keep')).toBe(kept);
});
