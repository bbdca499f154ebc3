import { openRunStage, type RunStage } from '../run-stage.ts';
import { accessFile, configurationFile, tlsFiles } from '../stage-files.ts';
import { converse, LOGIN, type RedisOptions, type TargetRedis } from './redis-server.ts';
import { startTargetRedis } from './target-redis.ts';

export interface RedisStageOptions extends RedisOptions {
  readonly identity?: 'Token' | 'Workload';
  /** How the server is started; default: in a container where Docker answers, else as a program of this machine. */
  readonly start?: (options: RedisOptions) => Promise<TargetRedis>;
  /** The text of policy.yaml; default: nothing is refused or masked. */
  readonly policy?: string;
  /** The subject of whoever decides. */
  readonly owner?: string;
  readonly ownerGroups?: readonly string[];
  /** In the Secret; default: the right one. */
  readonly secretPassword?: string;
  /** Lines of the Target's `redis:` block. */
  readonly redis?: string;
  readonly setup?: readonly (readonly string[])[];
}

/** A real Redis, and Sidegate before it. */
export interface RedisStage extends RunStage, AsyncDisposable {
  readonly redis: TargetRedis;
  /** Sends AUTH and the commands in one write, then QUIT; the answers as they came, without that to AUTH. */
  converse(...commands: readonly (readonly string[])[]): Promise<string>;
  stop(): Promise<void>;
}

export async function openRedisStage(options: RedisStageOptions = {}): Promise<RedisStage> {
  const { identity = 'Token', start = startTargetRedis } = options;
  await using started = new AsyncDisposableStack();
  const redis = started.use(await start(options));
  if (options.setup !== undefined) await redis.command(...options.setup);
  const running = await openRunStage(started, { identity, files: (issuer) => filesOf(options, redis, issuer) });
  const whole = started.move();
  const stop = (): Promise<void> => whole.disposeAsync();
  return {
    ...running,
    redis,
    converse: async (...commands) => {
      const auth = identity === 'Token' ? ['AUTH', await running.token()] : ['AUTH', 'anything'];
      return (await converse(running.port, [auth, ...commands], running.host)).replace(/^\+OK\r\n/, '');
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function filesOf(
  { identity = 'Token', policy, owner, ownerGroups = [], secretPassword, redis = '' }: RedisStageOptions,
  { port, password, certificates }: TargetRedis,
  { url, audience }: { readonly url: string; readonly audience: string },
): Readonly<Record<string, string>> {
  const { tls, authority } = tlsFiles(certificates?.authority, 'cache-ca');
  return {
    'access.yaml': accessFile(identity, 'cache'),
    'configuration.yaml': configurationFile({ url, audience, identity, owner, ownerGroups }),
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
  password: ${secretPassword ?? password}
  hosts: localhost
${authority}`,
  };
}
