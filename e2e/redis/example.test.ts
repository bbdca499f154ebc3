import { checkExample } from '../example-check.ts';

checkExample(
  'redis',
  [
    ['FLUSHALL', 'no-mass-removal'],
    ['DEL customer:1', 'removal-of-customers'],
    ['GETRANGE session:42 0 3', 'masked-condition'],
  ],
  120_000,
);
