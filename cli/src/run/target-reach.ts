import { connect } from 'node:net';
import type { Fault, ProtocolName, Target } from '@sidegate/crds';
import { errorCode } from './system-error.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/** Protocols whose servers can be asked. */
const CHECKED: ReadonlySet<ProtocolName> = new Set(['Postgres', 'Redis']);

/** Asks whether a Target's server takes the gate's login; the fault says why not. Absent where nobody can ask. */
export type CheckLogin = (target: Target) => Promise<Fault | undefined>;

/**
 * Whether a Target can be used, as far as can be told without an agent. Faults: TargetUnreachable, TargetUnusable; its door is open all
 * the same, and each connection tries again.
 */
export async function tryTarget(
  target: Target,
  checkLogin: CheckLogin | undefined,
  signal: AbortSignal,
): Promise<Fault<'TargetUnreachable' | 'TargetUnusable'> | undefined> {
  const unreached = await reachTarget(target, signal);
  if (unreached !== undefined || !CHECKED.has(target.spec.protocol)) return unreached;
  const fault = await checkLogin?.(target);
  if (fault === undefined) return undefined;
  return {
    code: 'TargetUnusable',
    message: `The Target ${nameOf(target)} is reached, but cannot be used: ${fault.message}`,
    mend: 'Correct its Secret, tls and databases. Its door is open, and each connection tries again.',
  };
}

function nameOf({ metadata: { namespace = 'default', name } }: Target): string {
  return `${namespace}/${name}`;
}

/**
 * Looks whether something listens where a Target says. Fault TargetUnreachable: not now, and why; its door is open all the same, and each
 * connection tries again.
 */
export function reachTarget(target: Target, signal?: AbortSignal): Promise<Fault<'TargetUnreachable'> | undefined> {
  const { host, port } = target.spec;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (why?: string, mend?: string): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abandoned);
      socket.destroy();
      resolve(why === undefined || mend === undefined ? undefined : unreachable(target, why, mend));
    };
    const abandoned = (): void => done();
    signal?.addEventListener('abort', abandoned);
    const timer = setTimeout(
      done,
      CONNECT_TIMEOUT_MS,
      'nothing answers',
      'Look whether a firewall is between, and correct spec.host and spec.port.',
    );
    socket.once('connect', () => done());
    socket.once('error', (error) => done(...reasonOf(error)));
  });
}

function reasonOf(error: Error): readonly [string, string] {
  const code = errorCode(error);
  switch (code) {
    case 'ECONNREFUSED':
      return ['nothing listens there', 'Start it, or correct spec.port.'];
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return ['the name is not known here', 'Correct spec.host, or see that this machine can resolve it.'];
    default:
      return [code === '' ? error.message : code, 'See that it runs, and correct spec.host and spec.port.'];
  }
}

function unreachable(target: Target, why: string, mend: string): Fault<'TargetUnreachable'> {
  const { host, port } = target.spec;
  return {
    code: 'TargetUnreachable',
    message: `The Target ${nameOf(target)} cannot be reached at ${host}:${port}: ${why}.`,
    mend: `${mend} Its door is open, and each connection tries again.`,
  };
}
