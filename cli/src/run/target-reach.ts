import { connect } from 'node:net';
import type { Fault, ProtocolName, Result, Target } from '@sidegate/crds';
import { nameOf } from '../object-name.ts';
import type { NamedColumn } from './named-columns.ts';
import { errorCode } from './system-error.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/** Protocols whose servers can be asked. */
const CHECKED: ReadonlySet<ProtocolName> = new Set(['Postgres', 'Redis']);

/** Asks whether a Target's server takes the gate's login, and which of these names it does not have; the fault says why not. */
export type CheckLogin = (target: Target, names: readonly string[]) => Promise<Result<readonly string[], Fault>>;

/**
 * Whether a Target can be used and has what its rules name, as far as can be told without an agent; `checkLogin` is absent where nobody can ask.
 * Faults: TargetUnreachable, TargetUnusable, NameMatchesNothing; its door is open all the same, and each connection tries again.
 */
export async function tryTarget(
  target: Target,
  named: readonly NamedColumn[],
  checkLogin: CheckLogin | undefined,
  signal: AbortSignal,
): Promise<readonly Fault<'TargetUnreachable' | 'TargetUnusable' | 'NameMatchesNothing'>[]> {
  const unreached = await reachTarget(target, signal);
  if (unreached !== undefined) return [unreached];
  if (checkLogin === undefined || !CHECKED.has(target.spec.protocol)) return [];
  const names = named.map(({ name }) => name);
  const missing = await checkLogin(target, names);
  if (missing.ok) return named.filter(({ name }) => missing.value.includes(name)).map(({ fault }) => fault);
  return [
    {
      code: 'TargetUnusable',
      message: `The Target ${nameOf(target)} is reached, but cannot be used: ${missing.fault.message}`,
      mend: 'Correct its Secret, tls and databases. Its door is open, and each connection tries again.',
    },
  ];
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
