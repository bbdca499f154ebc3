import { describe, expect, test } from '@jest/globals';
import { TypedLine } from './typed-line.ts';

const typed = (keys: string): string | undefined => {
  const line = new TypedLine();
  expect(line.read(Buffer.from(keys))).toBe(-1);
  return line.text;
};

describe('a typed line', () => {
  test.each([
    ['characters', 'ls -la', 'ls -la'],
    ['backspaces', 'lx\x7fs\x08s', 'ls'],
    ['backspaces over characters of several bytes', 'aé€\x7f\x7fb', 'ab'],
    ['backspaces before the beginning', '\x7f\x7fls', 'ls'],
    ['^U', 'rm -rf /\x15ls', 'ls'],
    ['^W', 'rm rf\x17ls', 'rm ls'],
    ['^C', 'rm\x03ls', 'ls'],
    ['^L', 'l\x0cs', 'ls'],
    ['^C after what cannot be told', 'r\tm\x03ls', 'ls'],
  ])('is put together from %s', (_what, keys, text) => {
    expect(typed(keys)).toBe(text);
  });

  test.each([
    ['a tab', 'r\t'],
    ['an arrow', '\x1b[A'],
    ['^A', 'm\x01r'],
    ['^R', '\x12rm'],
    ['^V', '\x16r'],
    ['^Y', '\x19'],
    ['^W over a word that shells end elsewhere', 'a/b\x17'],
    ['a backspace after what cannot be told', 'r\t\x7f'],
    ['bytes that are no text', Buffer.from([0xff])],
    ['too many characters', 'x'.repeat(4_097)],
  ])('cannot be told after %s', (_what, keys) => {
    const line = new TypedLine();
    line.read(Buffer.from(keys));
    expect([line.text, line.isEmpty]).toEqual([undefined, false]);
  });

  test.each(['\r', '\n', '\x04', '\x0f'])('ends with %j, which is not taken', (end) => {
    const line = new TypedLine();
    expect(line.read(Buffer.from(`ls${end}rm`))).toBe(2);
    expect(line.text).toBe('ls');
    line.clear();
    expect(line.isEmpty).toBe(true);
  });

  test('of the most characters is told', () => {
    expect(typed('x'.repeat(4_096))).toHaveLength(4_096);
  });
});
