import { expect, it } from '@jest/globals';
import { KeptByName } from './kept-by-name.ts';

/** How often something is found out under each of these names in turn. */
function findings(kept: KeptByName<string>, ...names: readonly string[]): number {
  let count = 0;
  for (const name of names) {
    const found = kept.get(name, (asked) => {
      count += 1;
      return `what is known of ${asked}`;
    });
    expect(found).toBe(`what is known of ${name}`);
  }
  return count;
}

it('finds out once what is asked again', () => {
  expect(findings(new KeptByName(10, 10), 'a', 'b', 'a', 'b')).toBe(2);
});

it('keeps nothing under a long name, which an agent may make up again and again', () => {
  for (const [length, times] of [
    [9, 1],
    [10, 1],
    [11, 2],
  ] as const) {
    expect(findings(new KeptByName(10, 10), 'n'.repeat(length), 'n'.repeat(length))).toBe(times);
  }
});

it('starts over when there are too many', () => {
  expect(findings(new KeptByName(2, 10), 'a', 'b', 'a', 'b')).toBe(2);
  expect(findings(new KeptByName(2, 10), 'a', 'b', 'c', 'a', 'c')).toBe(4);
});

it('forgets', () => {
  const kept = new KeptByName<string>(10, 10);
  findings(kept, 'a');
  kept.clear();
  expect(findings(kept, 'a')).toBe(1);
});
