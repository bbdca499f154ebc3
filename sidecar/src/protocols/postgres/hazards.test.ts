import { describe, expect, test } from '@jest/globals';
import { play } from './testing/playbook.ts';
import { SCENARIOS } from './testing/scenarios/index.ts';

function transcriptOf(name: string): string {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`no conversation is called ${name}`);
  return play(scenario.happenings, scenario.options).join('\n');
}

interface Hazard {
  readonly trap: string;
  readonly conversation: string;
  readonly shows: readonly (string | RegExp)[];
  readonly never?: readonly (string | RegExp)[];
}

/** The traps that lie in the wire protocol; those that lie in SQL are beside the reader. */
const HAZARDS: readonly Hazard[] = [
  {
    trap: 'GSSENCRequest is answered with N, and the TLS request behind it too where there is no certificate',
    conversation: 'opening-gss-then-tls-refused',
    shows: ['agent< raw NN', 'Ready'],
  },
  {
    trap: 'plaintext buffered before the TLS upgrade is refused (CVE-2021-23222 class)',
    conversation: 'opening-clear-data-behind-tls-request',
    shows: ['close Fault'],
    never: ['identify', 'start agent TLS'],
  },
  {
    trap: 'plaintext behind the TLS answer of the server is refused (CVE-2021-23222)',
    conversation: 'opening-target-clear-data-behind-tls-answer',
    shows: ['close TargetLeft'],
    never: ['StartTargetTls', 'svc'],
  },
  {
    trap: 'a server that refuses TLS that policy demands is an error, never a downgrade',
    conversation: 'opening-target-without-tls',
    shows: ['offers no TLS', 'close TargetLeft'],
    never: ['svc', 'secret'],
  },
  {
    trap: 'SCRAM-PLUS is not spoken where TLS is terminated',
    conversation: 'opening-target-skips-its-scram-proof',
    shows: ['SCRAM-SHA-256\\00', 'n,,n='],
    never: ['SCRAM-SHA-256-PLUS'],
  },
  {
    trap: 'a server that does not prove itself is not trusted',
    conversation: 'opening-target-skips-its-scram-proof',
    shows: ['did not prove'],
    never: ['Ready'],
  },
  {
    trap: 'OAUTHBEARER is offered where the client speaks it (libpq 18)',
    conversation: 'opening-oauthbearer',
    shows: ['OAUTHBEARER', '"token":"header.body.signature"'],
    never: ['authentication \\00\\00\\00\\03'],
  },
  {
    trap: 'CancelRequest comes on a new connection with (pid, key): the keys are our own',
    conversation: 'opening-protocol-3.2',
    shows: [/CancelKey \d+\/[0-9a-f]{64}/u],
    never: [/backendKey \\00\\00\\00\\07/u],
  },
  {
    trap: 'Bind and Execute without RowDescription: masking does not turn off',
    conversation: 'masked-without-describe-the-session-asks-for-itself',
    shows: ['target> describe P', '*******6789'],
    never: ['123-45-6789]', 'agent< #2 rowDescription'],
  },
  {
    trap: 'Describe that the driver cached is remembered with the statement',
    conversation: 'masked-describe-of-the-statement-is-remembered',
    shows: ['*******6789'],
    never: ['[123-45-6789]', 'target> describe P'],
  },
  {
    trap: 'what was remembered ends when names may mean something else',
    conversation: 'masked-remembered-shape-ends-with-ddl',
    shows: ['target> describe P', '*******6789'],
    never: ['[123-45-6789]'],
  },
  {
    trap: 'statement names are reused: a name that is taken stays what it was',
    conversation: 'extended-statement-name-in-use-stays-what-it-was',
    shows: ['judge #3 select a'],
    never: ['judge #3 select b'],
  },
  {
    trap: 'statements end with DISCARD ALL and DEALLOCATE',
    conversation: 'extended-discard-all-and-deallocate-forget-statements',
    shows: ['prepared statement "s" does not exist', 'prepared statement "t" does not exist'],
  },
  {
    trap: 'portals die at transaction end',
    conversation: 'extended-portal-dies-with-its-transaction',
    shows: ['portal "p" does not exist'],
  },
  {
    trap: 'Flush without Sync',
    conversation: 'extended-flush-without-sync',
    shows: ['target> flush', 'agent< #2 commandComplete DO'],
  },
  {
    trap: 'errors skip to Sync',
    conversation: 'extended-error-before-sync-was-sent',
    shows: ['judge #3 select 1'],
    never: ['insert b', 'select 9'],
  },
  {
    trap: 'pipelines interleave many of each',
    conversation: 'extended-pipeline-of-many',
    shows: ['finished #2 Done INSERT 0 1', 'finished #4 Done INSERT 0 1', 'finished #6 Done SELECT 1'],
  },
  {
    trap: 'a refusal is an ERROR with the right ReadyForQuery, and the transaction lives on',
    conversation: 'simple-refused-inside-a-transaction-keeps-it',
    shows: ['S=ERROR | V=ERROR | C=42501', 'agent< #2 readyForQuery T', 'finished #3 Done'],
    never: ['FATAL', 'target> #2'],
  },
  {
    trap: 'a refusal in the extended protocol skips to Sync',
    conversation: 'extended-refused-parse-skips-to-sync',
    shows: ['C=42501', 'target> sync', 'finished #2 Done'],
    never: ['target> #1', 'bind'],
  },
  {
    trap: 'a function called by its number is not understood',
    conversation: 'simple-function-call-is-never-understood-whole',
    shows: ['INCOMPLETE', 'C=42501'],
    never: ['target>'],
  },
  {
    trap: 'client_encoding changes what bytes mean',
    conversation: 'simple-encoding-that-is-not-followed',
    shows: [/judge #2 .* INCOMPLETE/u, /judge #3 select 'plain'$/mu],
  },
  {
    trap: 'settings are tracked at Bind: what follows a SET in a pipeline is read after it',
    conversation: 'extended-a-setting-is-waited-for-before-the-next-is-read',
    shows: [/commandComplete SET[^]*judge #3 select a/u],
  },
  { trap: 'replication is refused', conversation: 'opening-replication', shows: ['C=0A000'], never: ['identify'] },
  {
    trap: 'a session that turns to replication ends',
    conversation: 'simple-target-starts-replication',
    shows: ['close Fault'],
  },
  {
    trap: 'masks follow the base column and its lineage, and where they disagree nothing is seen',
    conversation: 'masked-lineage-and-server-disagree',
    shows: ['[[masked], [masked]]'],
  },
  {
    trap: 'unknown lineage is redacted',
    conversation: 'masked-unknown-lineage-over-a-masked-table',
    shows: ['[[masked], Ann]'],
  },
  {
    trap: 'over-blocking is a bug too: another table with unknown lineage passes',
    conversation: 'masked-unknown-lineage-over-another-table-passes',
    shows: ['[123-45-6789]'],
  },
  {
    trap: 'COPY in text, csv and binary is masked: text',
    conversation: 'copy-out-masked-text',
    shows: ['*******6789', '*******4321'],
    never: ['123-45-6789', '987-65-4321', 'top-secret'],
  },
  {
    trap: 'COPY in text, csv and binary is masked: csv',
    conversation: 'copy-out-masked-csv',
    shows: ['*******6789'],
    never: ['123-45-6789'],
  },
  {
    trap: 'COPY in text, csv and binary is masked: binary',
    conversation: 'copy-out-masked-binary',
    shows: ['*******6789'],
    never: ['123-45-6789'],
  },
  {
    trap: 'a masked int4 in binary is four bytes or NULL',
    conversation: 'masked-base-columns-in-binary',
    shows: ['[*******6789, NULL, \\01"[masked]"]'],
  },
  {
    trap: 'ERROR and NOTICE do not tell (ssn::int)',
    conversation: 'masked-errors-and-notices-of-a-command-on-a-masked-table',
    shows: ['C=22P02', 'n=people_ssn', 'column "x" does not exist'],
    never: ['123-45-6789'],
  },
  {
    trap: 'NOTIFY payloads do not tell',
    conversation: 'masked-notification-payloads',
    shows: ['[masked]'],
    never: ['123-45-6789'],
  },
  {
    trap: 'Observe mode: the recording is masked although the answer is not',
    conversation: 'masked-only-in-the-record-of-observe-mode',
    shows: ['agent< #1 dataRow [123-45-6789]', 'record < #1 dataRow [*******6789]'],
  },
];

describe('traps of the PostgreSQL protocol', () => {
  test.each(HAZARDS)('$trap', ({ conversation, shows, never = [] }) => {
    const transcript = transcriptOf(conversation);
    for (const part of shows) {
      if (typeof part === 'string') expect(transcript).toContain(part);
      else expect(transcript).toMatch(part);
    }
    for (const part of never) {
      if (typeof part === 'string') expect(transcript).not.toContain(part);
      else expect(transcript).not.toMatch(part);
    }
  });
});
