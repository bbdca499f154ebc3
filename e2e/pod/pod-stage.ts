import { Resolver as NameClient } from 'node:dns/promises';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { Resolver } from '../../sidecar/src/dns/resolver.ts';
import { type OperatorProcess, OperatorStage } from '../operator/operator-stage.ts';
import { objectsOf, runCli } from '../sidegate-cli.ts';
import { demoSchema, LOGIN } from '../stage-files.ts';
import { storeAccount } from '../store/store-account.ts';
import { type Forwarder, startForwarder } from '../support/forwarder.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { DEADLINE_MS, type Ended, type RunningProcess, runProcess, startProcess } from '../support/processes.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const POD_UID_PATH = '/api/v1/namespaces/agents/pods/bot-1';

/** The host as the Target and the agents name it; the cluster's own name server knows where it is. */
export const HOST = 'orders-db.data.svc';
export const PASSWORD = 'the-password-that-no-agent-sees';

type JsonObject = Readonly<Record<string, unknown>>;

/** A cluster without nodes, and what runs in one pod of it: the gate, and agents that connect to it. */
export class PodStage {
  readonly cluster: OperatorStage;
  readonly postgres: PostgresServer;
  readonly folder: TemporaryFolder;
  readonly #names: Resolver;
  readonly #control: Forwarder;
  readonly #storeUrl: string;
  #operator: OperatorProcess | undefined;
  #operators = 0;
  #gate: RunningProcess | undefined;
  #dnsPort = 0;
  readonly #clients: pg.Client[] = [];

  private constructor(parts: {
    cluster: OperatorStage;
    postgres: PostgresServer;
    folder: TemporaryFolder;
    names: Resolver;
    control: Forwarder;
    storeUrl: string;
  }) {
    this.cluster = parts.cluster;
    this.postgres = parts.postgres;
    this.folder = parts.folder;
    this.#names = parts.names;
    this.#control = parts.control;
    this.#storeUrl = parts.storeUrl;
  }

  static async start(programs: string): Promise<PodStage> {
    await using started = new AsyncDisposableStack();
    const folder = started.use(temporaryFolder('pod'));
    const postgres = started.use(await startPostgres({ setup: demoSchema(PASSWORD) }));
    const cluster = started.adopt(await OperatorStage.start(programs), (one) => one.end());
    await cluster.namespace('data');
    await cluster.namespace('agents', { 'sidegate.dev/injection': 'enabled' });
    await cluster.serviceAccount('agents', 'bot');
    const annotations = { 'sidegate.dev/agent': 'support-bot', 'sidegate.dev/run': 'run-7' };
    await cluster.pod('agents', 'bot-1', { labels: { app: 'bot' }, annotations });
    writeFileSync(folder.file('token'), await cluster.token('agents', 'bot-1'));
    writeFileSync(folder.file('resolv.conf'), 'search agents.svc.cluster.local svc.cluster.local cluster.local\n');
    const names = new Resolver({ host: '127.0.0.1', port: 0, upstream: [] });
    const bound = await names.listen();
    if (!bound.ok) throw new Error(bound.fault.message);
    started.defer(() => names.close());
    names.steer(
      new Map([
        ['localhost', '127.0.0.1'],
        [`${HOST}.cluster.local`, '127.0.0.1'],
        ['elsewhere.example', '192.0.2.7'],
      ]),
    );
    const control = started.use(await startForwarder());
    const { certificateFile, keyFile } = cluster.certificates;
    const store = started.use(
      startProcess('node', [
        join(ROOT, 'store', 'src', 'main.ts'),
        `--data=${folder.file('data')}`,
        `--owner-socket=${folder.file('owner/store.sock')}`,
        '--token-review',
        `--api-server=${cluster.server.url}`,
        `--service-account=${await storeAccount(cluster, folder)}`,
        `--tls-certificate=${certificateFile}`,
        `--tls-key=${keyFile}`,
        '--listen=127.0.0.1:0',
        '--json',
      ]),
    );
    const ready = await store.jsonLine(({ kind }) => kind === 'Ready');
    const storeUrl = `https://localhost:${new URL(String(ready['ingest'])).port}`;
    const stage = new PodStage({ cluster, postgres, folder, names, control, storeUrl });
    stage.#ending = started.move();
    return stage;
  }

  #ending = new AsyncDisposableStack();

  async startOperator(): Promise<void> {
    this.#operators += 1;
    this.#operator = await this.cluster.startOperator(`operator-${this.#operators}`);
    this.#control.leadTo(Number(new URL(this.#operator.controlUrl).port));
  }

  async killOperator(): Promise<void> {
    await this.#operator?.process.stop('SIGKILL');
    this.#control.leadTo(undefined);
  }

  /** Starts the gate as the kubelet does, and waits until its probe says that it is started unless `awaited` is false. */
  async startGate({ awaited = true }: { readonly awaited?: boolean } = {}): Promise<void> {
    const found = (await this.cluster.get(POD_UID_PATH)) as { metadata: { uid: string } };
    for (const name of ['state', 'spool', 'trust']) mkdirSync(this.folder.file(name), { recursive: true });
    const gate = startProcess(
      'node',
      [
        join(ROOT, 'sidecar', 'src', 'pod-main.ts'),
        '--control',
        `https://localhost:${this.#control.port}`,
        '--store',
        this.#storeUrl,
        '--upstream-dns',
        `127.0.0.1:${this.#names.port}`,
        '--dns-port',
        '0',
        '--state',
        this.folder.file('state'),
        '--spool',
        this.folder.file('spool'),
        '--trust',
        this.folder.file('trust'),
        '--token-file',
        this.folder.file('token'),
        '--resolv-conf',
        this.folder.file('resolv.conf'),
      ],
      { env: { SIDEGATE_ROOT: this.cluster.certificates.authority, SIDEGATE_POD_UID: found.metadata.uid } },
    );
    this.#gate = gate;
    const [, port] = await gate.line(/"names are answered","port":(\d+)/);
    this.#dnsPort = Number(port);
    if (awaited) await this.until('the start of the gate', async () => (await this.probe()).code === 0);
  }

  get gate(): RunningProcess {
    if (this.#gate === undefined) throw new Error('no gate was started');
    return this.#gate;
  }

  /** The start-up probe, as the kubelet runs it. */
  probe(): Promise<Ended> {
    return runProcess('node', [join(ROOT, 'sidecar', 'src', 'probe-main.ts'), '--state', this.folder.file('state')]);
  }

  /** The addresses of a name as the pod's containers find them; the code of the failure when there are none. */
  async resolve(name: string): Promise<string> {
    const client = new NameClient({ timeout: DEADLINE_MS, tries: 1 });
    client.setServers([`127.0.0.1:${this.#dnsPort}`]);
    const fault = (error: unknown): string => String(Object(error).code);
    return client.resolve4(name).then((found) => found.join(' '), fault);
  }

  /** A client without a password, which finds the Target by its name. Rejects as the client does. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({
      host: await this.resolve(HOST),
      port: this.postgres.port,
      user: 'agent',
      database: this.postgres.database,
    });
    client.on('error', () => undefined);
    await client.connect();
    this.#clients.push(client);
    return client;
  }

  /** The sessions in the store, newest first. */
  async sessions(): Promise<readonly JsonObject[]> {
    return (await this.#cli('sessions', '--limit', '1000')).filter(({ sessionId }) => sessionId !== undefined);
  }

  async commands(sessionId: unknown): Promise<readonly JsonObject[]> {
    return (await this.#cli('show', String(sessionId))).filter(({ kind }) => kind === 'Command');
  }

  async #cli(command: string, ...parameters: readonly string[]): Promise<readonly JsonObject[]> {
    const { stdout } = await runCli([command, ...parameters, '--state', this.folder.path, '--json']);
    return objectsOf(stdout);
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const givenUpMs = Date.now() + 3 * DEADLINE_MS;
    while (!(await holds())) {
      if (Date.now() > givenUpMs) throw new Error(`${what} did not come about:\n${this.gate.output().slice(-4_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async target(): Promise<void> {
    await this.cluster.resource('Target', 'data', 'orders-db', {
      protocol: 'Postgres',
      host: HOST,
      port: this.postgres.port,
      tls: { mode: 'Disable' },
      credential: { secretRef: { name: 'orders-db-agent' } },
      allowedNamespaces: { from: 'All' },
      defaultAction: 'Allow',
    });
    await this.cluster.secret('data', 'orders-db-agent', { username: LOGIN, password: PASSWORD, hosts: HOST });
    await this.cluster.resource('AgentAccess', 'agents', 'bot', {
      podSelector: { matchLabels: { app: 'bot' } },
      identity: { source: 'Workload' },
      targetRefs: [{ namespace: 'data', name: 'orders-db' }],
      defaultAction: 'Allow',
    });
  }

  /** What containers of the pod can read of the gate's. */
  trusted(file: 'ca.pem' | 'bundle.pem'): string {
    return readFileSync(this.folder.file(`trust/${file}`), 'utf8');
  }

  async end(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.end().catch(() => undefined)));
    await this.#gate?.stop('SIGKILL');
    await this.#ending.disposeAsync();
  }
}
