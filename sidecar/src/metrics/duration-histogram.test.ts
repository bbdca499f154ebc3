import { expect, test } from '@jest/globals';
import { DurationHistogram } from './duration-histogram.ts';

test('counts what is at most a bound in its bucket and those above, and what is above all bounds', () => {
  const histogram = new DurationHistogram('a_seconds', 'An a.', [0.000_01, 0.5]);
  for (const us of [0, 10, 10.5, 500_000, 500_001]) histogram.observe(us);
  expect(histogram.render()).toBe(`# HELP a_seconds An a.
# TYPE a_seconds histogram
a_seconds_bucket{le="0.00001"} 2
a_seconds_bucket{le="0.5"} 4
a_seconds_bucket{le="+Inf"} 5
a_seconds_sum 1.0000215
a_seconds_count 5
`);
});

test('is whole before anything was observed', () => {
  const histogram = new DurationHistogram('a_seconds', 'An a.', [1]);
  expect(histogram.render()).toContain('a_seconds_bucket{le="1"} 0\na_seconds_bucket{le="+Inf"} 0\na_seconds_sum 0\n');
});
