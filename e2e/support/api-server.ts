import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { type ApiClient, openApiClient } from '../../operator/src/kube/api-client.ts';
import { MACHINE_TIME } from '../../operator/src/kube/timing.ts';
import { makeAuthority } from '../cluster/authority.ts';
import { freePort } from './free-port.ts';
import { DEADLINE_MS, type RunningProcess, startProcess } from './processes.ts';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.ts';

/** A real kube-apiserver with its etcd, and nothing else: what is written stays as it is, no pod runs. */
export interface ApiServer extends AsyncDisposable {
  readonly url: string;
  /** PEM: what its certificate leads to. */
  readonly authority: string;
  readonly kubeconfig: string;
  /** As an administrator. */
  readonly client: ApiClient;
  readonly folder: TemporaryFolder;
  /** Ends the API server (not its etcd) and starts it again at the same place; `meanwhile` runs while it is away. */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
}

const ATTEMPTS = 3;

/** Starts both from the folder of a cluster's programs, with `more` parameters. Ports that somebody took meanwhile are asked for again. */
export async function startApiServer(programs: string, more: readonly string[] = []): Promise<ApiServer> {
  for (let attempt = 1; ; attempt += 1) {
    const folder = temporaryFolder('kube');
    try {
      return await startIn(folder, programs, more);
    } catch (error) {
      folder.remove();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

async function startIn(folder: TemporaryFolder, programs: string, more: readonly string[]): Promise<ApiServer> {
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const certs = folder.file('certs');
  mkdirSync(certs);
  makeAuthority(certs, '127.0.0.1', port);
  const own = (at: number): string => `http://127.0.0.1:${at}`;
  const etcd = startProcess(join(programs, 'etcd'), [
    `--data-dir=${folder.file('etcd')}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
    `--listen-client-urls=${own(etcdPort)}`,
    `--advertise-client-urls=${own(etcdPort)}`,
    `--listen-peer-urls=${own(peerPort)}`,
    `--initial-advertise-peer-urls=${own(peerPort)}`,
    `--initial-cluster=default=${own(peerPort)}`,
  ]);
  const start = (): RunningProcess =>
    startProcess(join(programs, 'kube-apiserver'), [
      ...apiServerParameters(certs, folder.file('serving'), etcdPort, port),
      ...more,
    ]);
  const kubeconfig = join(certs, 'admin.kubeconfig');
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const client = openApiClient({ config, timing: MACHINE_TIME });
  let server = start();
  const end = async (): Promise<void> => {
    await server.stop('SIGKILL');
    await etcd.stop('SIGKILL');
  };
  try {
    await ready(client, server, etcd);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    url: `https://127.0.0.1:${port}`,
    authority: readFileSync(join(certs, 'ca.crt'), 'utf8'),
    kubeconfig,
    client,
    folder,
    async restart(meanwhile) {
      await server.stop('SIGKILL');
      await meanwhile?.();
      server = start();
      await ready(client, server, etcd);
    },
    async [Symbol.asyncDispose]() {
      await end();
      folder.remove();
    },
  };
}

function apiServerParameters(certs: string, serving: string, etcdPort: number, port: number): readonly string[] {
  const cert = (name: string): string => join(certs, name);
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--advertise-address=127.0.0.1',
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--tls-cert-file=${cert('apiserver.crt')}`,
    `--tls-private-key-file=${cert('apiserver.key')}`,
    `--client-ca-file=${cert('ca.crt')}`,
    '--authorization-mode=Node,RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    `--service-account-key-file=${cert('sa.pub')}`,
    `--service-account-signing-key-file=${cert('sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    '--allow-privileged=true',
    `--cert-dir=${serving}`,
  ];
}

async function ready(client: ApiClient, ...processes: readonly RunningProcess[]): Promise<void> {
  const givenUp = AbortSignal.timeout(DEADLINE_MS);
  while (!givenUp.aborted) {
    // The namespace is what the API server makes last.
    const asked = await client.request({ path: '/api/v1/namespaces/default', signal: givenUp });
    if (asked.ok) return;
    const gone = await Promise.race([
      ...processes.map(({ ended }) => ended),
      new Promise<undefined>((resolve) => setTimeout(resolve, 100, undefined)),
    ]);
    if (gone !== undefined) break;
  }
  throw new Error(`the API server did not come up:\n${processes.map((one) => one.output().slice(-3_000)).join('\n')}`);
}
