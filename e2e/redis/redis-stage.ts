import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { objectsOf, runCli, startCli } from '../sidegate-cli.ts';
import { tlsFiles } from '../stage-files.ts';
import { startIssuer, type TokenOptions } from '../support/issuer.ts';
import { DEADLINE_MS, type RunningProcess } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { converse, LOGIN, type RedisOptions, type RedisServer, startRedis } from './redis-server.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export interface RedisStageOptions extends RedisOptions {
  readonly identity?: 'Token' | 'Workload';
  /** The text of policy.yaml; default: nothing is refused or masked. */
  readonly policy?: string;
  /** The subject of whoever decides. */
  readonly owner?: string;
  readonly ownerGroups?: readonly string[];
  /** In the Secret; default: the right one. */
  readonly password?: string;
  /** Lines of the Target's `redis:` block. */
  readonly redis?: string;
  readonly setup?: readonly (readonly string[])[];
}

/** A real Redis, an issuer, and `sidegate run` on a folder of resources. */
export interface RedisStage extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly run: RunningProcess;
  readonly host: string;
  readonly port: number;
  readonly state: string;
  /** The folder of resources. */
  readonly folder: string;
  token(options?: TokenOptions): Promise<string>;
  /** Sends AUTH and the commands in one write, then QUIT; the answers as they came, without that to AUTH. */
  converse(...commands: readonly (readonly string[])[]): Promise<string>;
  cli(...parameters: readonly string[]): Promise<readonly JsonObject[]>;
  /** Writes policy.yaml and resolves when it holds. */
  policy(text: string): Promise<void>;
  /** The sessions in the store when so many have ended. */
  ended(count: number): Promise<readonly JsonObject[]>;
  stop(): Promise<void>;
}

export async function openRedisStage(options: RedisStageOptions = {}): Promise<RedisStage> {
  const { identity = 'Token' } = options;
  await using started = new AsyncDisposableStack();
  const redis = started.use(await startRedis(options));
  if (options.setup !== undefined) await redis.command(...options.setup);
  const issuer = started.use(await startIssuer());
  const folder = started.use(temporaryFolder('files'));
  const state = started.use(temporaryFolder('state'));
  const token = (claims: TokenOptions = {}): Promise<string> =>
    issuer.token({ subject: 'support-bot', groups: ['support-agents'], ...claims });
  if (identity === 'Workload') writeFileSync(folder.file('workload.token'), await token());
  const files = filesOf(options, redis, issuer);
  for (const [name, text] of Object.entries(files)) writeFileSync(folder.file(name), text);
  const flags = ['-f', folder.path, '--listen', '127.0.0.1', '--state', state.path, '--json'];
  const run = started.use(startCli(['run', ...flags]));
  const ready = await run.jsonLine(({ kind }) => kind === 'Ready' || kind === 'Refused');
  if (ready['kind'] !== 'Ready') throw new Error(`sidegate run refuses its files:\n${run.output()}`);
  const [door] = ready['listeners'] as readonly { readonly host: string; readonly port: number }[];
  if (door === undefined) throw new Error('the stage has no door');
  const cli: RedisStage['cli'] = async (command = '', ...parameters) => {
    const { code, objects, stderr } = await runCli([command, ...parameters, '--state', state.path, '--json']);
    if (code !== 0) throw new Error(`sidegate ended with ${code}: ${stderr}`);
    return objects;
  };
  const whole = started.move();
  const stop = (): Promise<void> => whole.disposeAsync();
  return {
    redis,
    run,
    host: door.host,
    port: door.port,
    state: state.path,
    folder: folder.path,
    token,
    cli,
    converse: async (...commands) => {
      const auth = identity === 'Token' ? ['AUTH', await token()] : ['AUTH', 'anything'];
      return (await converse(door.port, [auth, ...commands], door.host)).replace(/^\+OK\r\n/, '');
    },
    policy: async (text) => {
      const position = objectsOf(run.stdout()).length;
      writeFileSync(join(folder.path, '.policy.new'), text);
      renameSync(join(folder.path, '.policy.new'), folder.file('policy.yaml'));
      let seen = 0;
      const answer = await run.jsonLine(({ kind }) => {
        seen += 1;
        return seen > position && (kind === 'Applied' || kind === 'Refused');
      });
      if (answer['kind'] !== 'Applied') throw new Error(`the policy was refused: ${JSON.stringify(answer)}`);
    },
    ended: async (count) => {
      const deadline = Date.now() + DEADLINE_MS;
      for (;;) {
        const sessions = await cli('sessions', '--limit', '10000');
        if (sessions.filter(({ closedUs }) => Number(closedUs) > 0).length >= count) return sessions;
        if (Date.now() > deadline) throw new Error(`the store has only ${JSON.stringify(sessions)}`);
        await sleep(100);
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function filesOf(
  { identity = 'Token', policy, owner, ownerGroups = [], password: given, redis = '' }: RedisStageOptions,
  { port, password, certificates }: RedisServer,
  { url, audience }: { readonly url: string; readonly audience: string },
): Readonly<Record<string, string>> {
  const { tls, authority } = tlsFiles(certificates?.authority, 'cache-ca');
  return {
    'access.yaml': `apiVersion: sidegate.dev/v1alpha1
kind: AgentAccess
metadata: {name: support-bot, namespace: agents}
spec:
  podSelector: {matchLabels: {app: support-bot}}
  identity: {source: ${identity}, issuers: [corporate]}
  targetRefs:
    - {namespace: data, name: cache}
  defaultAction: Allow
`,
    'configuration.yaml': `apiVersion: sidegate.dev/v1alpha1
kind: Configuration
operatorNamespace: sidegate
issuers:
  - {name: corporate, url: '${url}', audiences: [${audience}]}
${identity === 'Workload' ? 'workloadTokenFile: ./workload.token\n' : ''}${owner === undefined ? '' : `owner: {subject: ${owner}, groups: [${ownerGroups.join(', ')}]}\n`}`,
    'policy.yaml': policy ?? '',
    'target.yaml': `apiVersion: sidegate.dev/v1alpha1
kind: Target
metadata: {name: cache, namespace: data}
spec:
  protocol: Redis
  host: localhost
  port: ${port}
  ${redis === '' ? '' : `redis: ${redis}`}
  ${tls}
  credential: {secretRef: {name: cache-login}}
  allowedNamespaces: {from: All}
  defaultAction: Allow
---
apiVersion: v1
kind: Secret
metadata: {name: cache-login, namespace: data}
type: sidegate.dev/credential
stringData:
  username: ${LOGIN}
  password: ${given ?? password}
  hosts: localhost
${authority}`,
  };
}
