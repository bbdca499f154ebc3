import { expect, test } from '@jest/globals';
import { REDIS_LANE } from '../faults/lanes/redis.ts';
import { testGiven } from '../support/test-given.ts';
import { growthOf } from './growth.ts';
import { soak } from './soak.ts';
import { readOptions } from './soak-options.ts';

const TIMEOUT_MS = 120_000;

test.each<[story: string, samples: readonly number[], middle: number, last: number]>([
  ['what stays', [9, 1, 5, 5, 5, 5, 5, 5, 5], 5, 5],
  ['what fills at the start', [1, 2, 3, 5, 5, 5, 5, 5, 5], 5, 5],
  ['what grows', [1, 2, 3, 4, 5, 6, 7, 8, 9], 4, 7],
  ['garbage that comes and goes', [5, 5, 5, 5, 5, 5, 90, 5, 5, 80, 5, 95], 5, 5],
  ['garbage at every other time', [5, 9, 5, 9, 5, 9, 5, 9, 5, 9, 5, 9], 5, 5],
  ['a number of samples that is no three thirds', [1, 1, 1, 1, 5, 5, 5, 7, 7, 7, 7], 5, 7],
])('the growth of %s', (_, samples, middle, last) => {
  expect(growthOf(samples)).toEqual({ middle, last });
});

test('nothing was measured of too few samples', () => {
  expect(growthOf([1])).toEqual({ middle: Number.NaN, last: Number.NaN });
});

test.each<[parameters: string[], options: unknown]>([
  [[], { seconds: 1_800, lanes: ['postgres', 'redis', 'ssh'], json: undefined }],
  [['--only', 'ssh,redis', '--seconds', '60', '--json', 'f'], { seconds: 60, lanes: ['redis', 'ssh'], json: 'f' }],
  [['--only', 'http'], 'there is no lane http'],
  [['--seconds', '2'], '--seconds needs a whole number of at least 3'],
  [['--seconds', '1.5'], '--seconds needs a whole number of at least 3'],
])('the command line %j', (parameters, options) => {
  expect(readOptions(parameters)).toEqual(options);
});

testGiven(REDIS_LANE.needs === undefined, `${REDIS_LANE.needs} is not installed`)(
  'a short run tells what was held, and judges none of it',
  async () => {
    const figures = await soak(REDIS_LANE, { seconds: 3, progress: () => undefined });
    expect(figures.map(({ name, budget }) => [name, budget])).toEqual([
      ['redis: commands', null],
      ['redis: sessions', null],
      ['redis: memory of the gate', null],
      ['redis: growth of the gate', null],
      ['redis: memory of the store', null],
      ['redis: growth of the store', null],
    ]);
    expect(figures.every(({ value }) => Number.isFinite(value))).toBe(true);
    expect(figures[0]?.value).toBeGreaterThan(0);
    expect(figures[1]?.value).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
