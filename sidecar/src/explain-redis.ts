import { type Fault, ok, type Result } from '@sidegate/crds';
import type { RedisCommand } from '@sidegate/policy';
import { classify } from './protocols/redis/classify.ts';
import { type CommandCatalog, committedCatalog } from './protocols/redis/command-catalog.ts';
import { splitInline } from './protocols/redis/inline.ts';
import { CatalogReading } from './protocols/redis/read-catalog.ts';
import { readCatalog } from './relay/catalog-reader.ts';
import type { TargetAddress } from './relay/target-address.ts';

/** Where the server's commands are asked for, as the gate itself asks. */
export interface LiveRedis {
  readonly address: TargetAddress;
  readonly credential: { readonly username: string; readonly password: string };
}

export type RedisAnswer =
  | { readonly kind: 'Reached'; readonly missing: readonly string[] }
  | { readonly kind: 'Reading'; readonly command: RedisCommand; readonly assumed: readonly string[] }
  | ({ readonly kind: 'Fault' } & Fault);

/** How the gate would read a command of Redis, as redis-cli takes it; without `live` by the commands of Redis 7.0. */
export async function answerRedis(text: string | undefined, live: LiveRedis | undefined): Promise<RedisAnswer> {
  const catalog = live === undefined ? ok(committedCatalog()) : await ask(live);
  if (!catalog.ok) return { kind: 'Fault', ...catalog.fault };
  if (text === undefined) return { kind: 'Reached', missing: [] };
  const args = splitInline(Buffer.from(text));
  if (args === undefined || args.length === 0) {
    const mend = 'Write it as for redis-cli: words, and double quotes round what has spaces.';
    return { kind: 'Fault', code: 'BadCommand', message: 'The text is no command of Redis.', mend };
  }
  const { command } = classify(args, {
    catalog: catalog.value,
    databases: undefined,
    database: 0,
    inTransaction: false,
  });
  return { kind: 'Reading', command, assumed: [] };
}

async function ask({ address, credential }: LiveRedis): Promise<Result<CommandCatalog, Fault>> {
  const conversation = new CatalogReading({
    credential,
    database: '',
    tls: address.tlsMode !== 'Disable',
    random: (bytes) => new Uint8Array(bytes),
    shared: undefined,
  });
  return (await readCatalog({ ...address, alpn: [] }, conversation)) as Result<CommandCatalog, Fault>;
}
