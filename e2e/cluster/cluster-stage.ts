import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoSchema } from '../stage-files.ts';
import { CHART, renderChart } from './chart-files.ts';
import { type Cluster, type Ended, runToEnd } from './cluster.ts';
import { AGENT_IMAGE } from './images.ts';
import type { ClusterNode } from './node.ts';
import { IMAGE_TAG } from './node-images.ts';

const ROOT = join(import.meta.dirname, '../..');
export const SYSTEM = 'sidegate-system';
export const AGENT = 'support-bot';

type JsonObject = Readonly<Record<string, unknown>>;

export interface StageParts {
  readonly cluster: Cluster;
  readonly helm: string;
  readonly kubeconfig: string;
  /** The processes of the cluster; undefined when it is somebody else's. */
  readonly node: ClusterNode | undefined;
}

/** What the cases work with: a cluster, the chart, the example's resources, and agents. */
export class Stage {
  readonly cluster: Cluster;
  readonly node: ClusterNode | undefined;
  readonly kubeconfig: string;
  readonly #helm: string;

  constructor({ cluster, helm, kubeconfig, node }: StageParts) {
    this.cluster = cluster;
    this.node = node;
    this.#helm = helm;
    this.kubeconfig = kubeconfig;
  }

  /** Where kubelets of this cluster keep pods: on a node that is not ours `SIDEGATE_KUBELET_FOLDER` says it, where it is not the usual one. */
  get kubeletFolder(): string {
    return this.node?.kubeletFolder ?? process.env['SIDEGATE_KUBELET_FOLDER'] ?? '/var/lib/kubelet';
  }

  /** Runs helm. Throws with its words when it fails. */
  async helm(...parameters: readonly string[]): Promise<string> {
    const where = ['--kubeconfig', this.kubeconfig, '-n', SYSTEM];
    const ended = await runToEnd(this.#helm, [...parameters, ...where]);
    if (ended.code !== 0) throw new Error(`helm ${parameters.join(' ')}: ${ended.stderr}${ended.stdout}`);
    return ended.stdout;
  }

  /** Installs the chart, or changes the installation. */
  install(...settings: readonly string[]): Promise<void> {
    return this.installFrom(CHART, ...settings);
  }

  /** The same from the chart in another folder. */
  async installFrom(chart: string, ...settings: readonly string[]): Promise<void> {
    const values = [
      `image.tag=${IMAGE_TAG}`,
      'store.persistence.enabled=false',
      'operator.configuration.approvers.users[0].user=jane',
      'operator.configuration.approvers.users[0].subject=jane@example.com',
      ...settings,
    ].flatMap((one) => ['--set', one]);
    await this.helm('upgrade', '--install', 'sidegate', chart, '--create-namespace', ...values);
    await this.cluster.kubectl('-n', SYSTEM, 'rollout', 'status', 'deployment/sidegate-operator', '--timeout=180s');
    await this.cluster.kubectl('-n', SYSTEM, 'rollout', 'status', 'statefulset/sidegate-store', '--timeout=180s');
  }

  /** What the chart makes with these values, on a cluster with MutatingAdmissionPolicy or without. */
  render(settings: readonly string[], byPolicy: boolean): string {
    return renderChart(this.#helm, settings, byPolicy);
  }

  /** A file of examples/kubernetes. */
  example(name: string): string {
    return readFileSync(join(ROOT, 'examples', 'kubernetes', `${name}.yaml`), 'utf8').replace(
      'postgres:18',
      AGENT_IMAGE,
    );
  }

  /** A file of this folder's resources. */
  resource(name: string): string {
    return readFileSync(join(import.meta.dirname, 'resources', `${name}.yaml`), 'utf8');
  }

  /** Starts PostgreSQL and fills it. */
  async startPostgres(): Promise<void> {
    await this.deletePod('orders-db', 'data');
    await this.cluster.apply(this.resource('postgres'));
    await this.cluster.wait('data', 'pod/orders-db', 'condition=Ready');
    await this.postgres('CREATE DATABASE orders', 'postgres');
    await this.postgres(demoSchema('only-the-gate-knows'));
  }

  /** Runs SQL as the superuser, past every gate. */
  async postgres(sql: string, database = 'orders'): Promise<string> {
    const ended = await this.cluster.exec(
      'data',
      'orders-db',
      ['psql', '-qAt', '-v', 'ON_ERROR_STOP=1', '-h', '/data', '-U', 'postgres', '-d', database],
      { input: sql },
    );
    if (ended.code !== 0) throw new Error(`psql: ${ended.stderr}`);
    return ended.stdout.trim();
  }

  /** What the server was asked, by its own log. */
  postgresLog(): Promise<string> {
    return this.cluster.kubectl('logs', '-n', 'data', 'orders-db');
  }

  /** An agent's psql, with nothing but its environment. */
  psql(sql: string, pod = AGENT, ...flags: readonly string[]): Promise<Ended> {
    return this.agent(['psql', '-qAt', ...flags, '-c', sql], pod);
  }

  /** Runs this checkout's command line (`kubectl sidegate` is the same) for this cluster. */
  sidegate(...parameters: readonly string[]): Promise<Ended> {
    return this.#sidegate(this.kubeconfig, parameters);
  }

  /** The same for whoever has that token of the cluster. */
  async sidegateWithToken(token: string, ...parameters: readonly string[]): Promise<Ended> {
    const folder = mkdtempSync(join(tmpdir(), 'sidegate-kubeconfig-'));
    const flags = ['config', 'view', '--raw', '--minify', '-o', 'json'];
    const config: { users?: object } = Object(JSON.parse(await this.cluster.kubectl(...flags)));
    const [user] = Object(config).users;
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, JSON.stringify({ ...config, users: [{ name: user.name, user: { token } }] }));
    const ended = await this.#sidegate(kubeconfig, parameters);
    rmSync(folder, { recursive: true });
    return ended;
  }

  #sidegate(kubeconfig: string, parameters: readonly string[]): Promise<Ended> {
    const path = `${this.cluster.programFolder}:${process.env['PATH']}`;
    const env = { ...process.env, PATH: path, KUBECONFIG: kubeconfig };
    return runToEnd(process.execPath, [join(ROOT, 'cli/bin/sidegate.js'), ...parameters], undefined, env);
  }

  /** Runs a command in an agent's container. */
  agent(command: readonly string[], pod = AGENT): Promise<Ended> {
    return this.cluster.exec('agents', pod, command, { container: 'agent' });
  }

  /** Starts the example's agent under a name; resolves when its gate let it start. */
  async startAgent(pod = AGENT, change: (manifest: string) => string = (manifest) => manifest): Promise<void> {
    const manifest = this.example('agent').replace(
      '  name: support-bot\n  namespace: agents\n  labels',
      `  name: ${pod}\n  namespace: agents\n  labels`,
    );
    await this.cluster.apply(change(manifest));
    await this.cluster.wait('agents', `pod/${pod}`, 'condition=Ready');
  }

  async deletePod(pod: string, namespace = 'agents', ...flags: readonly string[]): Promise<void> {
    await this.cluster.kubectl('delete', 'pod', pod, '-n', namespace, '--ignore-not-found', ...flags);
  }

  /** Runs `sidegate COMMAND --json` where the store is; every line of its answer. */
  async store(...parameters: readonly string[]): Promise<readonly JsonObject[]> {
    const command = ['sidegate', ...parameters, '--json'];
    const ended = await this.cluster.exec(SYSTEM, 'sidegate-store-0', command);
    if (ended.code !== 0) throw new Error(`${command.join(' ')}: ${ended.stderr}${ended.stdout}`);
    return ended.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Object(JSON.parse(line)));
  }

  /** The commands of all sessions that the store has, newest session first. */
  async commands(): Promise<readonly JsonObject[]> {
    const found: JsonObject[] = [];
    for (const { sessionId } of await this.store('sessions', '--limit', '1000'))
      found.push(...(await this.store('show', String(sessionId))).filter(({ kind }) => kind === 'Command'));
    return found;
  }

  /** Resolves when a resource says that it is Ready. */
  async ready(kind: string, name: string, namespace: string): Promise<void> {
    await this.cluster.wait(namespace, `${kind}/${name}`, 'condition=Ready');
  }
}
