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
  /** Words of the agent's as the record may show them. */
  readonly shown: (text: string) => string;
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
  shown,
}: OpenedFacts): Opened {
  const verified = identity?.verified;
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
    claimed: shownWords(identity?.claimed ?? {}, shown),
    details: shownWords(details, shown),
    policyVersion,
  };
}

/** What an agent says of itself, by name, as it may be shown. */
export function shownWords(words: object, shown: (text: string) => string): Readonly<Record<string, string>> {
  const texts = Object.entries(words).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(texts.map(([name, text]) => [name, shown(text)]));
}
