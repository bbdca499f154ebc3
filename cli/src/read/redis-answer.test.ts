import { describe, expect, test } from '@jest/globals';
import { RedisAnswer } from './redis-answer.ts';

function linesOf(pieces: readonly string[]): readonly string[] {
  const answer = new RedisAnswer();
  return pieces
    .flatMap((piece) => [...answer.add(Buffer.from(piece, 'latin1'))])
    .flatMap((item) => (item.kind === 'Lines' ? item.lines : [item.kind]));
}

describe('answers of Redis', () => {
  test.each<[string, readonly string[]]>([
    ['+OK\r\n', ['OK']],
    ['-NOPERM a: b\r\n', ['(error) NOPERM a: b']],
    [':7\r\n', ['(integer) 7']],
    ['$-1\r\n', ['(nil)']],
    ['_\r\n', ['(nil)']],
    ['#t\r\n,1.5\r\n', ['(true)', '(double) 1.5']],
    ['$3\r\na"b\r\n', ['"a\\"b"']],
    ['$4\r\na\x1b[2\r\n', ['"a\\\\x1b[2"']],
    ['*0\r\n', ['(empty array)']],
    ['*2\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n', ['1) "a"', '2) 1) (integer) 1', '   2) (integer) 2']],
    ['%1\r\n$1\r\nk\r\n$1\r\nv\r\n', ['1# "k" => "v"']],
    ['%1\r\n$1\r\nk\r\n*2\r\n:1\r\n:2\r\n', ['1# "k" => ', '   1) (integer) 1', '   2) (integer) 2']],
    ['>2\r\n+a\r\n+b\r\n', ['(push)', '1) a', '2) b']],
  ])('%j', (bytes, expected) => {
    expect(linesOf([bytes])).toEqual(expected);
    expect(linesOf(Array.from(bytes))).toEqual(expected);
  });

  test.each(['@1\r\n', '*x\r\n', '$-2\r\n', '*1\r\n'.repeat(200)])('%j cannot be read', (bytes) => {
    expect(linesOf([bytes, '+OK\r\n'])).toEqual(['Unreadable']);
  });

  test('a long value is cut, a long answer is shown once it is whole', () => {
    const value = 'x'.repeat(300_000);
    const bytes = `$${value.length}\r\n${value}\r\n`;
    const answer = new RedisAnswer();
    const early = [bytes.slice(0, 100_000), bytes.slice(100_000)].flatMap((piece) => [
      ...answer.add(Buffer.from(piece)),
    ]);
    const items = [...early, ...answer.rest()];
    expect(items).toHaveLength(1);
    expect(JSON.stringify(items).length).toBeLessThan(400);
  });
});
