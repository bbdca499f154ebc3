import { randomBytes } from 'node:crypto';
import { makeCertificates } from '../support/certificates.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { untilFound } from '../support/until-found.ts';
import { type NodesStage, openNodesStage } from './nodes-stage.ts';
import { LOGIN, type RedisServer, startRedis } from './redis-server.ts';

/** What the Sentinels call the master. */
export const MASTER_NAME = 'main';
const ANNOUNCED = ['--replica-announce-ip', 'localhost'];

/** A master, its replica, and two Sentinels: real ones. All but the second Sentinel are Targets, and Sidegate has a door to each. */
export interface SentinelStage extends NodesStage {
  /** In this order, which is that of their doors. */
  readonly servers: readonly [master: RedisServer, replica: RedisServer, sentinel: RedisServer, other: RedisServer];
}

interface SentinelStageOptions {
  readonly policy: string;
  /** All of them speak TLS, with the gate and with each other. */
  readonly tls: boolean;
}

export async function openSentinelStage(
  started: AsyncDisposableStack,
  { policy, tls }: SentinelStageOptions,
): Promise<SentinelStage> {
  const certificates = tls ? makeCertificates(started.use(temporaryFolder('authority')).path) : undefined;
  const secured =
    certificates === undefined ? [] : ['--tls-replication', 'yes', '--tls-ca-cert-file', certificates.authorityFile];
  // One for all: each may come to be the master, and Sentinels log in at each other.
  const password = randomBytes(12).toString('hex');
  const login = ['--masteruser', LOGIN, '--masterauth', password];
  const start = async (settings: readonly string[], sentinel?: string): Promise<RedisServer> =>
    started.use(
      await startRedis({
        password,
        tls: certificates ?? false,
        settings: [...secured, ...settings],
        ...(sentinel === undefined ? {} : { sentinel }),
      }),
    );
  const master = await start([...ANNOUNCED, ...login]);
  const replica = await start([...ANNOUNCED, ...login, '--replicaof', 'localhost', String(master.port)]);
  const watching = `sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip localhost
sentinel monitor ${MASTER_NAME} localhost ${master.port} 1
sentinel auth-user ${MASTER_NAME} ${LOGIN}
sentinel auth-pass ${MASTER_NAME} ${password}
sentinel sentinel-user ${LOGIN}
sentinel sentinel-pass ${password}
`;
  const sentinel = await start([], watching);
  const other = await start([], watching);
  const servers = [master, replica, sentinel, other] as const;
  await untilFound('the Sentinels do not find what there is', async () => {
    const said = await sentinel.command(['SENTINEL', 'MASTER', MASTER_NAME]);
    return (memberIs(said, 'num-slaves', '1') && memberIs(said, 'num-other-sentinels', '1')) || undefined;
  });
  const stage = await openNodesStage(started, { servers, withoutDoor: [3], policy, certificates });
  return { ...stage, servers };
}

function memberIs(said: string, name: string, value: string): boolean {
  return said.includes(`${name}\r\n$${value.length}\r\n${value}\r\n`);
}
