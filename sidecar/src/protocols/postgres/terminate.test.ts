import { describe, expect, test } from '@jest/globals';
import type { CloseCode, Refusal } from '../protocol.ts';
import { SSL_REQUEST_CODE } from './codec-writer.ts';
import { sqlStateOf } from './refuse.ts';
import {
  agent,
  authentication,
  bind,
  copyIn,
  copyOut,
  execute,
  opening,
  parse,
  password,
  query,
  request,
  row,
  rows,
  startup,
  sync,
  target,
} from './testing/frames.ts';
import { type Happening, type PlaybookOptions, Stage } from './testing/playbook.ts';
import { transcribe } from './testing/transcript.ts';

const killed: Refusal = { kind: 'Terminated', rule: 'suspended', reason: 'The access was suspended.', hint: '' };
const token: PlaybookOptions = { session: { identitySource: 'Token' } };
const copies: PlaybookOptions = {
  readings: {
    copy: {
      statements: [
        {
          verb: 'COPY',
          copy: {
            direction: 'In',
            columns: undefined,
            typeOids: undefined,
            format: 'Text',
            delimiter: '\t',
            nullText: '\\N',
            quote: '"',
            escape: '"',
            header: false,
          },
        },
      ],
    },
  },
};

/** Every state of a session, and whether the agent can be told anything in it. */
const STATES: readonly (readonly [
  state: string,
  told: boolean,
  happenings: readonly Happening[],
  options?: PlaybookOptions,
])[] = [
  ['nothing said', false, []],
  ['half a start-up packet', false, [agent(startup().subarray(0, 7))]],
  ['TLS refused', false, [agent(request(SSL_REQUEST_CODE))]],
  ['waiting for the password', true, [agent(startup())], token],
  ['half a password', true, [agent(startup()), agent(password('token').subarray(0, 6))], token],
  ['logging in to the target', true, [agent(startup())]],
  ['logging in to the target, half way', true, [agent(startup()), target(authentication(0))]],
  ['waiting for the TLS answer of the target', true, [agent(startup())], { targetTls: true }],
  ['idle', true, opening],
  ['half a query', true, [...opening, agent(query('select 1').subarray(0, 6))]],
  ['a query runs', true, [...opening, agent(query('select 1'))]],
  ['in the middle of rows', true, [...opening, agent(query('select 1')), target(rows({ name: 'a' }), row('1'))]],
  [
    'in the middle of a row',
    true,
    [...opening, agent(query('select 1')), target(rows({ name: 'a' }), row('1').subarray(0, 6))],
  ],
  ['a command is held', true, [...opening, agent(query('select 1'))], { judge: () => 'Hold' }],
  ['a pipeline is under way', true, [...opening, agent(parse('', 'a'), bind('', ''), execute(''), sync, query('b'))]],
  ['rows go out', true, [...opening, agent(query('copy')), target(copyOut(1))]],
  ['rows come in', true, [...opening, agent(query('copy')), target(copyIn(1))], copies],
];

describe('a session that is ended', () => {
  test.each(STATES)('while %s', (_, told, happenings, options = {}) => {
    const stage = new Stage(options);
    for (const happening of happenings) {
      if ('event' in happening) stage.do(happening.event(stage.session));
      else if (happening.from === 'agent') stage.do(stage.session.receiveAgent(happening.bytes));
      else stage.do(stage.session.receiveTarget(happening.bytes));
    }
    const before = stage.steps.length;
    stage.do(stage.session.terminate(killed, 'Killed'));
    const steps = stage.steps.slice(before);
    const transcript = transcribe(steps).join('\n');
    expect(transcript.includes('S=FATAL | V=FATAL | C=57P01')).toBe(told);
    expect(steps.at(-1)).toEqual({ kind: 'Close', code: 'Killed', reason: killed.reason });

    // Nothing is done any more, whatever happens.
    const { session } = stage;
    expect([
      ...session.receiveAgent(query('select 2')),
      ...session.receiveTarget(row('1')),
      ...session.terminate(killed, 'Killed'),
      ...session.agentLeft(),
      ...session.targetLeft('gone'),
      ...session.targetConnected(),
      ...session.settle(1, { kind: 'Refuse', refusal: killed }),
    ]).toEqual([]);
  });
});

describe('SQLSTATE of a refusal', () => {
  test.each<[Refusal['kind'], CloseCode | undefined, string]>([
    ['Denied', undefined, '42501'],
    ['Incomplete', undefined, '42501'],
    ['ApprovalRefused', undefined, '42501'],
    ['LimitExceeded', undefined, '53400'],
    ['NotRecorded', undefined, '58030'],
    ['Unauthenticated', 'Refused', '28P01'],
    ['NotAdmitted', 'Refused', '28000'],
    ['TargetUnavailable', 'TargetLeft', '08001'],
    ['Terminated', 'Killed', '57P01'],
    ['Terminated', 'Expired', '57P01'],
    ['Terminated', 'GateStopped', '57P01'],
    ['Unsupported', 'Refused', '0A000'],
  ])('%s (%s) is %s', (kind, code, state) => {
    expect(sqlStateOf({ kind, rule: '', reason: '', hint: '' }, code)).toBe(state);
  });
});
