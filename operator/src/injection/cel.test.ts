import { expect, test } from '@jest/globals';
import { celHole, celOf, celWhen } from './cel.ts';

test.each([
  ['a text', 'a "b"\n', '"a \\"b\\"\\n"'],
  ['an empty text', '', '""'],
  ['an expression', celHole('x.y'), 'x.y'],
  ['an expression in a text', `svc.${celHole('x')}.`, '"svc." + x + "."'],
  ['two expressions', `${celHole('x')}${celHole('y')}`, 'x + y'],
  ['a number', 42, '42'],
  ['a flag', false, 'false'],
  ['a list', [1, 'a'], '[dyn(1), dyn("a")]'],
  [
    'an item that is there when',
    ['a', celWhen('x.y', 'b')],
    '[dyn("a"), ?(x.y ? optional.of(dyn("b")) : optional.none())]',
  ],
  ['a map', { a: { b: [] } }, '{"a": dyn({"b": dyn([])})}'],
])('%s', (_, value, expected) => {
  expect(celOf(value)).toBe(expected);
});

test('what has no literal is refused', () => {
  expect(() => celOf(null)).toThrow(TypeError);
});

test('a long literal takes several lines', () => {
  const long = 'x'.repeat(60);
  expect(celOf({ a: long, b: [long] })).toBe(`{\n  "a": dyn("${long}"),\n  "b": dyn([dyn("${long}")])\n}`);
});
