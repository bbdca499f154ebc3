import type { Target } from '@sidegate/crds';
import type { Identity } from '@sidegate/policy';
import type { Opened } from '@sidegate/session';
import type { DoorNames } from './door-names.ts';

export interface OpenedFacts {
  readonly sessionId: string;
  readonly atUs: number;
  readonly gate: Opened['gate'];
  readonly door: DoorNames;
  readonly target: Target;
  /** Undefined when nobody could be verified. */
  readonly identity: Identity | undefined;
  readonly details: Readonly<Record<string, string>>;
  readonly policyVersion: string;
}

const NOBODY: Opened['verified'] = {
  source: 'None',
  issuer: '',
  subject: '',
  groups: [],
  groupsKnown: false,
  expiresAtMs: 0,
};

/** The first event of a record; a connection that was turned away before anybody was verified has one too. */
export function describeOpening({
  sessionId,
  atUs,
  gate,
  door,
  target,
  identity,
  details,
  policyVersion,
}: OpenedFacts): Opened {
  const verified = identity?.verified;
  const claimed = Object.entries(identity?.claimed ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return {
    kind: 'Opened',
    atUs,
    sessionId,
    gate,
    protocol: target.spec.protocol,
    target: { ...door.target, host: target.spec.host, port: target.spec.port },
    access: door.access,
    verified:
      verified === undefined
        ? NOBODY
        : {
            source: verified.source,
            issuer: verified.issuer,
            subject: verified.subject,
            groups: verified.groups ?? [],
            groupsKnown: verified.groups !== undefined,
            // What does not end by itself is written as 0.
            expiresAtMs: Number.isFinite(verified.expiresAtMs) ? verified.expiresAtMs : 0,
            ...(verified.pod === undefined ? {} : { pod: verified.pod }),
          },
    claimed: Object.fromEntries(claimed),
    details,
    policyVersion,
  };
}
