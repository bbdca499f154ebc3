import { connect } from 'node:net';
import type { Fault, Target } from '@sidegate/crds';
import { errorCode } from './system-error.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Looks whether something listens where a Target says. Fault TargetUnreachable: not now, and why; its door is open all the same, and each
 * connection tries again.
 */
export function reachTarget(target: Target): Promise<Fault<'TargetUnreachable'> | undefined> {
  const { host, port } = target.spec;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (why?: string, mend?: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(why === undefined || mend === undefined ? undefined : unreachable(target, why, mend));
    };
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
  const { metadata, spec } = target;
  return {
    code: 'TargetUnreachable',
    message: `The Target ${metadata.namespace ?? 'default'}/${metadata.name} cannot be reached at ${spec.host}:${spec.port}: ${why}.`,
    mend: `${mend} Its door is open, and each connection tries again.`,
  };
}
