import { openRunStage, type RunStage } from '../run-stage.ts';
import { objectsOf } from '../sidegate-cli.ts';
import { accessFile, configurationFile, tlsFiles } from '../stage-files.ts';
import type { Certificates } from '../support/certificates.ts';
import { LOGIN, type RedisServer } from './redis-server.ts';

/** Both ways in which several nodes may be spoken with, for suites that hold for either. */
export const NODES_SPEAK = [
  { nodes: 'without TLS', tls: false },
  { nodes: 'that speak TLS', tls: true },
];

export interface NodesStageOptions {
  readonly servers: readonly Pick<RedisServer, 'port' | 'password'>[];
  /** Which of them, in their order, are no Targets. */
  readonly withoutDoor: readonly number[];
  readonly policy: string;
  /** What they show, and by whose authority; undefined: they speak no TLS. */
  readonly certificates: Certificates | undefined;
}

/** Sidegate with a door to each of several servers that is a Target: `data/node-0` and on. */
export interface NodesStage extends RunStage {
  /** The port of the door to a node. */
  doorOf(node: number): number;
}

export async function openNodesStage(
  started: AsyncDisposableStack,
  { servers, withoutDoor, policy, certificates }: NodesStageOptions,
): Promise<NodesStage> {
  const trust = tlsFiles(certificates?.authority, 'nodes-ca');
  const indexes = servers.map((_, index) => index).filter((index) => !withoutDoor.includes(index));
  const stage = await openRunStage(started, {
    identity: 'Token',
    files: ({ url, audience }) => ({
      'access.yaml': accessFile('Token', 'node-0').replace(
        '- {namespace: data, name: node-0}',
        indexes.map((index) => `- {namespace: data, name: node-${index}}`).join('\n    '),
      ),
      'configuration.yaml': configurationFile({ url, audience, identity: 'Token' }),
      'policy.yaml': policy,
      'targets.yaml': servers
        .map((server, index) => (indexes.includes(index) ? targetFile(`node-${index}`, server, trust.tls) : ''))
        .filter((text) => text !== '')
        .join('---\n')
        .concat(trust.authority),
    }),
  });
  return { ...stage, doorOf: (node) => doorOf(stage, node) };
}

function targetFile(name: string, { port, password }: NodesStageOptions['servers'][number], tls: string): string {
  return `apiVersion: sidegate.dev/v1alpha1
kind: Target
metadata: {name: ${name}, namespace: data}
spec:
  protocol: Redis
  host: localhost
  port: ${port}
  ${tls}
  credential: {secretRef: {name: ${name}-login}}
  allowedNamespaces: {from: All}
  defaultAction: Allow
---
apiVersion: v1
kind: Secret
metadata: {name: ${name}-login, namespace: data}
type: sidegate.dev/credential
stringData: {username: ${LOGIN}, password: ${password}, hosts: localhost}
`;
}

function doorOf({ run }: RunStage, node: number): number {
  const ready = objectsOf(run.stdout()).find(({ kind }) => kind === 'Ready');
  const doors = ready?.['listeners'] as readonly {
    readonly port: number;
    readonly target: { readonly name: string };
  }[];
  return doors.find(({ target }) => target.name === `node-${node}`)?.port ?? 0;
}
