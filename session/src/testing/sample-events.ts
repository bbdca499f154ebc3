import type { CommandFinished, CommandJudged, Opened } from '../event.ts';

/** The start of a session of no interest; `change` says what is. */
export function sampleOpened(change: Partial<Opened> = {}): Opened {
  return {
    kind: 'Opened',
    atUs: 1,
    sessionId: 's1',
    gate: { id: 'g', version: '1' },
    protocol: 'Postgres',
    target: { namespace: 'data', name: 'orders', host: 'orders', port: 5432 },
    access: { namespace: 'agents', name: 'bot' },
    verified: { source: 'Token', issuer: 'i', subject: 'anna', groups: [], groupsKnown: true, expiresAtMs: 1 },
    claimed: {},
    details: {},
    policyVersion: '1',
    ...change,
  };
}

/** A command that is allowed. */
export function sampleJudged(
  commandId: number,
  atUs: number,
  text: string,
  change: Partial<CommandJudged> = {},
): CommandJudged {
  return {
    kind: 'CommandJudged',
    atUs,
    commandId,
    text,
    sha256: new Uint8Array(32),
    binds: [],
    verbs: [],
    objects: [],
    complete: true,
    decision: 'Allow',
    rule: 'data/p/allow',
    reason: '',
    policyVersion: '1',
    observed: [],
    claimed: {},
    ...change,
  };
}

/** A command that is done. */
export function sampleFinished(
  commandId: number,
  atUs: number,
  change: Partial<CommandFinished> = {},
): CommandFinished {
  return {
    kind: 'CommandFinished',
    atUs,
    commandId,
    outcome: 'Done',
    tag: '',
    errorCode: '',
    errorText: '',
    rows: 0,
    answerBytes: 0,
    durationUs: 0,
    maskedValues: 0,
    ...change,
  };
}
