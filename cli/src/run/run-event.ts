import { assertNever, describeFault, type Fault, type ListeningDoor, type Snapshot } from '@sidegate/crds';
import type { ProgramName } from './supervisor.ts';
import type { TrustFiles } from './trust-folder.ts';

/** What `sidegate run` tells; with --json one of these a line. */
export type RunEvent =
  /** Gate and store run and the rules are in force. */
  | {
      readonly kind: 'Ready';
      readonly version: string;
      readonly listeners: readonly ListeningDoor[];
      /** Where the owner reads the store. */
      readonly ownerSocket: string;
      /** The state folder. */
      readonly state: string;
      /** What agents know the gate by. */
      readonly trust: TrustFiles;
    }
  /** Other rules are in force from here on. */
  | { readonly kind: 'Applied'; readonly version: string; readonly listeners: readonly ListeningDoor[] }
  /** The files as they are now cannot be applied: the rules before stay in force. */
  | {
      readonly kind: 'Refused';
      /** Of the rules that the gate refused; absent when the files themselves are wrong. */
      readonly version?: string;
      readonly faults: readonly Fault[];
    }
  | ({ readonly kind: 'Warning' } & Fault)
  | { readonly kind: 'Started'; readonly program: ProgramName; readonly pid: number }
  | { readonly kind: 'Stopped' };

/** An event as lines for a person. `snapshot`: the rules in force; undefined when there are none yet. */
export function describeEvent(event: RunEvent, snapshot: Snapshot | undefined): readonly string[] {
  switch (event.kind) {
    case 'Ready':
      return [
        ...describeDoors(event.listeners, snapshot),
        ...describeTrust(event.trust, snapshot),
        `The records are kept in ${event.state}: see sidegate sessions --state ${event.state}`,
        'The files are watched; Ctrl-C ends gate and store.',
      ];
    case 'Applied':
      return [
        `The rules of the changed files are in force (${event.version}).`,
        ...describeDoors(event.listeners, snapshot),
      ];
    case 'Refused':
      return [
        ...event.faults.map(describeFault),
        ...(snapshot === undefined ? [] : ['Nothing of this was applied: the rules before stay in force.']),
      ];
    case 'Warning':
      return [`Warning: ${describeFault(event)}`];
    case 'Started':
      return [];
    case 'Stopped':
      return ['Gate and store have ended.'];
    default:
      return assertNever(event);
  }
}

function describeTrust({ authority, knownHosts }: TrustFiles, snapshot: Snapshot | undefined): readonly string[] {
  const spoken = (snapshot?.resources.targets ?? []).map(({ spec }) => spec.protocol);
  return [
    ...(spoken.some((protocol) => protocol !== 'SSH') ? [`Agents that ask for TLS know the gate by ${authority}`] : []),
    ...(spoken.includes('SSH') ? [`Agents of SSH know the gate by ${knownHosts}`] : []),
  ];
}

function describeDoors(listeners: readonly ListeningDoor[], snapshot: Snapshot | undefined): readonly string[] {
  if (listeners.length === 0) return ['No AgentAccess names a Target, so no door is open.'];
  return listeners.map((listener) => {
    const { access, target } = listener;
    const who = `${target.namespace}/${target.name} for ${access.namespace}/${access.name}`;
    return `${who}: ${howToConnect(listener, snapshot)}`;
  });
}

function howToConnect(
  { access, target, host, port, unixSocket }: ListeningDoor,
  snapshot: Snapshot | undefined,
): string {
  const { targets = [], accesses = [] } = snapshot?.resources ?? {};
  const found = targets.find(({ metadata }) => isNamed(metadata, target));
  const source = accesses.find(({ metadata }) => isNamed(metadata, access))?.spec.identity.source;
  const socket = unixSocket === undefined ? '' : ` (or the socket ${unixSocket})`;
  const token = source === 'Token' ? " with the agent's token as the password" : '';
  if (found?.spec.protocol === 'Redis') return `redis-cli -h ${host} -p ${port}${token}${socket}`;
  if (found?.spec.protocol === 'SSH') return `ssh -p ${port} agent@${host}${token}${socket}`;
  if (found?.spec.protocol !== 'Postgres') return `${host}:${port}${socket}`;
  const database = found.spec.postgres?.databases?.[0] ?? 'postgres';
  return `psql "host=${host} port=${port} user=agent dbname=${database}"${token}${socket}`;
}

function isNamed(
  { namespace = 'default', name }: { readonly namespace?: string; readonly name: string },
  other: { readonly namespace: string; readonly name: string },
): boolean {
  return namespace === other.namespace && name === other.name;
}
