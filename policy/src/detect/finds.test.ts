import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { DetectorName } from '@sidegate/crds';
import { DETECTOR_NAMES, findContent } from './content-mask.ts';

interface Row {
  readonly detector: DetectorName;
  readonly text: string;
  readonly finds: readonly string[];
}

/** Lines of `detector | text | find | find ...`; `\n` is a line end; no find: the neighbour that must stay as it is. */
function readRows(): readonly Row[] {
  const lines = readFileSync(new URL('./finds.golden.txt', import.meta.url), 'utf8').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name = '', text = '', ...finds] = line.split(' | ').map((part) => part.replaceAll('\\n', '\n'));
      const detector = DETECTOR_NAMES.find((known) => known === name.trim());
      if (detector === undefined) throw new Error(`no detector in ${line}`);
      return { detector, text, finds };
    });
}

describe('what is found, and the neighbours that are not', () => {
  const rows = readRows();
  test.each(rows.map((row) => [row.detector, row.text, row] as const))('%s: %s', (_detector, _text, row) => {
    const found = findContent(row.text, [row.detector]).map((find) => row.text.slice(find.start, find.end));
    expect(found).toEqual(row.finds);
  });

  test.each([...DETECTOR_NAMES])('%s has finds and neighbours', (name) => {
    const own = rows.filter((row) => row.detector === name);
    expect(own.some((row) => row.finds.length > 0)).toBe(true);
    expect(own.some((row) => row.finds.length === 0)).toBe(true);
  });
});
