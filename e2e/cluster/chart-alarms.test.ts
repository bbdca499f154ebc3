import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, test as always, beforeAll, expect } from '@jest/globals';
import { parseAllDocuments, stringify } from 'yaml';
import { findProgram } from '../support/programs.ts';
import { testGiven } from '../support/test-given.ts';
import { CHART, renderChart } from './chart-files.ts';
import { builtHelm } from './programs.ts';

const promtool = findProgram('promtool');
const helm = builtHelm();
const test = testGiven(
  promtool !== undefined && helm !== undefined,
  'what Prometheus says of the alarms: promtool (Debian: prometheus) or Helm is not there',
);

const folder = mkdtempSync(join(tmpdir(), 'sidegate-alarms-'));
const rules = join(folder, 'rules.yaml');

beforeAll(() => {
  if (helm === undefined) return;
  const objects: unknown[] = parseAllDocuments(renderChart(helm, ['monitoring.enabled=true'])).map((one) => one.toJS());
  const rule = objects.find((one) => Object(one).kind === 'PrometheusRule');
  writeFileSync(rules, stringify(Object(rule).spec));
});
afterAll(() => rmSync(folder, { recursive: true }));

function ask(...parameters: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(promtool ?? '', parameters, { encoding: 'utf8' });
  return `${status === 0 ? 'ok' : 'failed'}\n${stdout}${stderr}`;
}

test('Prometheus reads every rule', () => {
  expect(ask('check', 'rules', rules)).toMatch(/^ok\n[\s\S]*SUCCESS: 3 rules found/);
});

/** Series of one sample a minute, and at which minute which alarms must be raised, with the labels that they must have. */
const COURSES: readonly {
  readonly what: string;
  readonly series: Readonly<Record<string, string>>;
  readonly alarms: readonly (readonly [minute: number, alarm: string, raised: boolean])[];
}[] = [
  {
    what: 'nobody leads',
    series: {
      'sidegate_operator_leading{pod="a"}': '1x9 0x20',
      'sidegate_operator_leading{pod="b"}': '0x14 1x15',
    },
    alarms: [
      [9, 'SidegateNobodyLeads', false],
      [13, 'SidegateNobodyLeads', true],
      [16, 'SidegateNobodyLeads', false],
    ],
  },
  {
    what: 'no operator is there',
    series: { 'sidegate_operator_leading{pod="a"}': '1x3 stale' },
    alarms: [
      [3, 'SidegateNobodyLeads', false],
      [8, 'SidegateNobodyLeads', true],
    ],
  },
  {
    what: 'one of two cannot read the cluster',
    series: { 'sidegate_operator_synced{pod="a"}': '1x30', 'sidegate_operator_synced{pod="b"}': '1x5 0x20' },
    alarms: [
      [8, 'SidegateNotSynced', false],
      [12, 'SidegateNotSynced', true],
    ],
  },
  {
    what: 'the store is down',
    series: {
      'up{service="sidegate-store"}': '1x5 0x20',
      'up{service="another"}': '1x30',
    },
    alarms: [
      [5, 'SidegateStoreDown', false],
      [8, 'SidegateStoreDown', false],
      [12, 'SidegateStoreDown', true],
    ],
  },
];

test.each(COURSES)('alarms are raised and end as they should: $what', ({ series, alarms }) => {
  const given = parseAllDocuments(readFileSync(rules, 'utf8')).map((one) => one.toJS() as unknown)[0];
  const known: readonly { alert: string; labels: object; annotations: object }[] = Object(given).groups[0].rules;
  const file = join(folder, 'course.yaml');
  const expected = alarms.map(([minute, alarm, raised]) => {
    const rule = known.find(({ alert }) => alert === alarm);
    const alert = { exp_labels: rule?.labels, exp_annotations: rule?.annotations };
    return { eval_time: `${minute}m`, alertname: alarm, exp_alerts: raised ? [alert] : [] };
  });
  const input = Object.entries(series).map(([name, values]) => ({ series: name, values }));
  const course = { interval: '1m', input_series: input, alert_rule_test: expected };
  writeFileSync(file, stringify({ rule_files: [rules], evaluation_interval: '1m', tests: [course] }));
  expect(ask('test', 'rules', file)).toMatch(/^ok\n/);
});

always('alarms and dashboard ask for figures that operator or store give', () => {
  const asked = ['dashboard.json', 'templates/monitoring.yaml'].flatMap((file) => [
    ...readFileSync(join(CHART, file), 'utf8').matchAll(/\bsidegate_\w+/g),
  ]);
  const given = readFileSync(join(import.meta.dirname, '../../operator/src/operator-metrics.ts'), 'utf8');
  const names = [...new Set(asked.map(([name]) => name))];
  expect(names).toContain('sidegate_operator_leading');
  expect(names.filter((name) => !given.includes(`'${name}'`))).toEqual([]);
});
