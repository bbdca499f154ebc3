import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_IMAGE, buildAgent, buildPostgres, type ImageBuilder } from '../cluster/images.ts';
import { REDIS_IMAGE } from '../redis/target-redis.ts';
import { POSTGRES_IMAGE } from '../support/target-postgres.ts';

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999:postgres:/tmp:/bin/sh\n';
const GROUP = 'root:x:0:\npostgres:x:999:\n';

/** Images under the names of Docker's own, of programs of this machine, that do what tests ask of those: for where none can be pulled. */
export function buildStandIns(builder: ImageBuilder): readonly string[] {
  buildAgent(builder);
  return [buildPostgresStandIn(builder), buildRedisStandIn(builder)];
}

/** Needs the agents' image. */
export function buildPostgresStandIn(builder: ImageBuilder): string {
  const context = builder.folder('postgres-stand-in');
  cpSync(join(import.meta.dirname, 'postgres-entrypoint.sh'), join(context, 'entrypoint.sh'));
  writeFileSync(join(context, 'passwd'), PASSWD);
  writeFileSync(join(context, 'group'), GROUP);
  return buildFrom(builder, context, POSTGRES_IMAGE, [
    `FROM ${buildPostgres(builder)}`,
    'COPY passwd group /etc/',
    'COPY entrypoint.sh /entrypoint.sh',
    'USER root',
    'ENV LD_LIBRARY_PATH=/opt/postgres/lib',
    'STOPSIGNAL SIGINT',
    'ENTRYPOINT ["/entrypoint.sh"]',
  ]);
}

function buildRedisStandIn(builder: ImageBuilder): string {
  const context = builder.folder('redis-stand-in');
  return buildFrom(builder, context, REDIS_IMAGE, [`FROM ${AGENT_IMAGE}`, 'WORKDIR /tmp', 'CMD ["redis-server"]']);
}

function buildFrom(builder: ImageBuilder, context: string, image: string, lines: readonly string[]): string {
  writeFileSync(join(context, 'Dockerfile'), `${lines.join('\n')}\n`);
  return builder.build(context, image);
}
