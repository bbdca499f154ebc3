import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { lengthOf, play } from './testing/playbook.ts';
import { SCENARIOS } from './testing/scenarios/index.ts';

const folder = new URL('testing/golden/', import.meta.url);

// `UPDATE_GOLDENS=1 npx jest transcripts` writes all of them anew. Read the difference before you keep it.
if (process.env['UPDATE_GOLDENS'] === '1') {
  for (const file of readdirSync(folder)) rmSync(new URL(file, folder));
  for (const { name, happenings, options } of SCENARIOS)
    writeFileSync(new URL(`${name}.txt`, folder), `${play(happenings, options).join('\n')}\n`);
}

describe('recorded conversations', () => {
  test.each(SCENARIOS)('$name is as in its golden transcript', ({ name, happenings, options }) => {
    expect(`${play(happenings, options).join('\n')}\n`).toBe(readFileSync(new URL(`${name}.txt`, folder), 'utf8'));
  });

  test.each(SCENARIOS.filter(({ uncut }) => !uncut))(
    '$name gives the same byte by byte and cut at every place',
    ({ happenings, options }) => {
      const whole = play(happenings, options);
      expect(play(happenings, options, { every: 1 })).toEqual(whole);
      for (let at = 1; at < lengthOf(happenings); at++) expect(play(happenings, options, { at })).toEqual(whole);
    },
  );

  test('every golden transcript belongs to a conversation', () => {
    const files = readdirSync(folder).map((file) => file.replace(/\.txt$/u, ''));
    expect(files.toSorted()).toEqual(SCENARIOS.map(({ name }) => name).toSorted());
  });
});
