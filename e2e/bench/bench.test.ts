import { describe, expect, it } from '@jest/globals';
import { GROUPS, readOptions } from './bench-options.ts';
import { withResults } from './document.ts';
import { atLeast, atMost, figure, median, tableOf } from './figure.ts';
import { parsePgbench } from './pgbench.ts';
import { cpuSecondsOf, residentMib } from './process-figures.ts';
import { executeMessage, prepareMessage, queryMessage } from './raw-client.ts';
import { parseBenchmark } from './redis.ts';
import { bulkBytes, type SshSample, sshFigures } from './ssh.ts';

const PGBENCH = `transaction type: <builtin: select only>
scaling factor: 1
number of transactions actually processed: 51234
number of failed transactions: 0 (0.000%)
latency average = 0.780 ms
initial connection time = 21.001 ms
tps = 10251.340000 (without initial connection time)
`;

describe('what is read', () => {
  it('takes transactions and rate from pgbench', () => {
    expect(parsePgbench(PGBENCH)).toEqual({ transactions: 51_234, perSecond: 10_251.34 });
  });

  it.each([
    ['failed transactions', PGBENCH.replace('transactions: 0', 'transactions: 3')],
    ['an end before the result', PGBENCH.slice(0, PGBENCH.indexOf('tps'))],
  ])('does not take a run with %s', (_what, output) => {
    expect(parsePgbench(output)).toBeUndefined();
  });

  it('takes processor time from behind a name with spaces and parentheses', () => {
    const stat = '4242 (node (gate) x) S 1 4242 4242 0 -1 4194560 9000 0 3 0 250 125 0 0 20 0 12 0 777 1000 200';
    expect(cpuSecondsOf(stat)).toBe(3.75);
  });

  it('takes rates from redis-benchmark', () => {
    const csv = '"test","rps","avg_latency_ms"\n"SET","12345.67","0.1"\n"GET","23456.78","0.1"\n';
    expect([...parseBenchmark(csv)]).toEqual([
      ['SET', 12_345.67],
      ['GET', 23_456.78],
    ]);
  });

  it('takes resident memory', () => {
    const status = 'Name:\tnode\nVmHWM:\t  204800 kB\nVmRSS:\t   81920 kB\n';
    expect([residentMib(status, 'VmRSS'), residentMib(status, 'VmHWM')]).toEqual([80, 200]);
    expect(residentMib('Name:\tzombie\n', 'VmRSS')).toBeNaN();
  });
});

describe('the command line', () => {
  it('measures everything unless told otherwise', () => {
    expect(readOptions([])).toMatchObject({ seconds: 5, rounds: 3, groups: GROUPS });
  });

  it('measures what is named, in its own order', () => {
    expect(readOptions(['--only', 'latency,memory'])).toMatchObject({ groups: ['memory', 'latency'] });
  });

  it.each([['--only', 'speed'], ['--seconds', '0'], ['--rounds', 'many'], ['--fast']])('refuses %s %s', (...words) => {
    expect(readOptions(words)).toEqual(expect.any(String));
  });
});

describe('a figure', () => {
  it.each([
    ['reaches', atLeast(0.8), 0.8, true],
    ['is below', atLeast(0.8), 0.79, false],
    ['is not above', atMost(50), 50, true],
    ['is above', atMost(50), 50.1, false],
    ['could not be measured against', atMost(50), Number.NaN, false],
  ])('%s its budget', (_how, budget, value, ok) => {
    expect(figure('f', value, 'u', budget).ok).toBe(ok);
  });

  it('has no verdict without a budget', () => {
    expect(figure('f', 12_345.6, 'u')).toEqual({ name: 'f', value: 12_346, unit: 'u', budget: null, ok: null });
  });

  it('is the median of its samples', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, Number.NaN]);
  });
});

describe('the document', () => {
  const facts = { command: 'npm run bench', date: '2026-01-02', machine: '2 cores', load: [1, 2] } as const;
  const first = withResults('# Performance\n\nText.\n', facts, tableOf([figure('a', 1, 'us', atMost(2))]));

  it('gets a table at its end', () => {
    expect(first).toContain('# Performance\n\nText.\n');
    expect(first).toContain('| a      |     1 | us   | <= 2   | yes  |');
    expect(first).toContain('load average 1.0 at the start and 2.0 at the end');
  });

  it('gets the table replaced and nothing else', () => {
    const again = withResults(`${first}\nMore.\n`, facts, tableOf([figure('a', 3, 'us', atMost(2))]));
    expect(again).toBe(
      `${first.replace('|     1 | us   | <= 2   | yes  |', '|     3 | us   | <= 2   | **no** |').replace('| kept |', '| kept   |').replace('| ---- |\n', '| ------ |\n')}\nMore.\n`,
    );
  });
});

describe('SSH', () => {
  it.each([
    [1, 214_748_364],
    [2, 429_496_729],
    [5, 2 ** 30],
    [60, 2 ** 30],
  ])('moves, at %i s, %i bytes', (seconds, bytes) => {
    expect(bulkBytes(seconds)).toBe(bytes);
  });

  it('tells gate to relay by what they did in the same round', () => {
    const sample = (name: SshSample['name'], rate: number, cpu: number): SshSample => ({ name, rate, cpu, peakMib: 1 });
    const rounds = [
      [sample('direct', 900, Number.NaN), sample('relay', 100, 2), sample('gate', 90, 3)],
      [sample('direct', 500, Number.NaN), sample('relay', 10, 9), sample('gate', 5, 12)],
      [sample('direct', 700, Number.NaN), sample('relay', 50, 4), sample('gate', 35, 6)],
    ];
    const names = { rate: 'MiB/s', cpu: 's/GiB', isBudgeted: true };
    expect(sshFigures('s', rounds.flat(), names)).toEqual([
      figure('s: direct', 700, 'MiB/s'),
      figure('s: relay', 50, 'MiB/s'),
      figure('s: gate', 35, 'MiB/s'),
      figure('s: gate to relay', 0.7, 'ratio', atLeast(0.8)),
      figure('s: CPU of relay', 4, 's/GiB'),
      figure('s: CPU of gate', 6, 's/GiB'),
    ]);
  });
});

describe('the raw client', () => {
  it.each([
    ['Query', queryMessage('SELECT 1'), 'Q'],
    ['Parse, Sync', prepareMessage('SELECT $1'), 'PS'],
    ['Bind, Describe, Execute, Sync', executeMessage('7'), 'BDES'],
  ])('sends %s in whole messages', (_what, bytes, types) => {
    let seen = '';
    for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1))
      seen += String.fromCharCode(bytes[at] ?? 0);
    expect(seen).toBe(types);
  });
});
