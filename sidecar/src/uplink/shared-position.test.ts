import { describe, expect, test } from '@jest/globals';
import { SharedPosition } from './shared-position.ts';

describe('the shared position', () => {
  test.each([
    [1, 0],
    [1, 2 ** 32 - 1],
    [2 ** 31 - 1, 17],
  ])('gives back segment %d and offset %d', (segment, offset) => {
    const position = new SharedPosition();
    position.advance({ segment, offset });
    expect(new SharedPosition(position.buffer).read()).toEqual({ segment, offset });
  });

  test('asks for one wake-up when the reader sleeps, and for none when it does not', () => {
    const position = new SharedPosition();
    expect(position.advance({ segment: 1, offset: 1 })).toBe(false);
    expect(position.sleep({ segment: 1, offset: 1 })).toBe(true);
    expect(position.advance({ segment: 1, offset: 2 })).toBe(true);
    expect(position.advance({ segment: 1, offset: 3 })).toBe(false);
  });

  test('keeps the reader awake when more was written than it has seen', () => {
    const position = new SharedPosition();
    position.advance({ segment: 1, offset: 2 });
    expect(position.sleep({ segment: 1, offset: 1 })).toBe(false);
    expect(position.sleep({ segment: 1, offset: 2 })).toBe(true);
  });
});
