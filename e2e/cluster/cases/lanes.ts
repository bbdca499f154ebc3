import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { findProgram } from '../../support/programs.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { type ClusterCase, must } from '../case.ts';
import type { Ended } from '../cluster.ts';
import type { Stage } from '../cluster-stage.ts';
import { AS_JANE, decide, oneWaiting } from './approvals.ts';

const BOT = 'lanes-bot';
const SSH =
  'ssh -F none -p 2222 -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/var/run/sidegate/trust/ssh_known_hosts agent@build.data.svc'.split(
    ' ',
  );

/** The other protocols: the same pod, the same gate, the same record. */
export const LANE_CASES: readonly ClusterCase[] = [
  {
    name: 'lanes',
    what: 'a pod that may reach a Redis and an SSH server has its gate, and neither credential is in it',
    needs: ['resources'],
    skip: () => (findProgram('ssh-keygen') === undefined ? 'ssh-keygen is not installed' : undefined),
    run: async (stage) => {
      await stage.cluster.apply(stage.example('approvers'));
      await stage.deletePod('cache', 'data');
      await stage.deletePod('build', 'data');
      await stage.cluster.apply(stage.resource('redis'));
      const login = await applySsh(stage);
      for (const name of ['cache', 'build']) {
        await stage.cluster.wait('data', `pod/${name}`, 'condition=Ready');
        await stage.ready('target', name, 'data');
      }
      await stage.cluster.apply(stage.resource('lanes-access'));
      await stage.deletePod(BOT);
      await stage.startAgent(BOT, (manifest) =>
        manifest
          .replace('app: support-bot', `app: ${BOT}`)
          .replace('serviceAccountName: support-bot', `serviceAccountName: ${BOT}`),
      );
      await stage.ready('agentaccess', BOT, 'agents');
      // The words to look for come on standard input, so that the search does not find itself.
      const look = 'grep -rsalF -f - /proc/[0-9]*/environ /proc/[0-9]*/cmdline /var/run/sidegate /run /etc /tmp';
      const search = { container: 'agent', input: `only-the-gate-knows\n${login}\n` };
      const { stdout } = await stage.cluster.exec('agents', BOT, ['sh', '-c', look], search);
      must(stdout === '', 'a credential is in the pod', stdout);
      await stage.agent(['sh', '-c', `printf %s '${login}' > /tmp/planted`], BOT);
      const planted = await stage.cluster.exec('agents', BOT, ['sh', '-c', look], search);
      must(planted.stdout.includes('/tmp/planted'), 'the search finds nothing that is there', planted);
      await stage.agent(['rm', '/tmp/planted'], BOT);
    },
  },
  {
    name: 'redis',
    what: 'redis-cli through the gate: allowed, masked, denied, held and approved with kubectl, and recorded',
    needs: ['lanes'],
    run: async (stage) => {
      const said = await redis(stage, 'SET', 'greeting', 'hello');
      must(said.stdout.trim() === 'OK', 'it may not write', said);
      must((await redis(stage, 'GET', 'greeting')).stdout.trim() === 'hello', 'it may not read');
      await atRedis(stage, 'SET', 'session:1', 'a-session-secret');
      const masked = await redis(stage, 'GET', 'session:1');
      must(!masked.stdout.includes('a-session-secret') && masked.code === 0, 'the value is not masked', masked);
      const denied = await redis(stage, 'FLUSHDB');
      must(denied.stdout.includes('Nobody empties a database'), 'it was not refused', denied);
      must((await atRedis(stage, 'DBSIZE')) === '2', 'the server emptied its database');
      await redis(stage, 'SET', 'customer:1', 'Ada');
      const waiting = redis(stage, 'DEL', 'customer:1');
      const request = await oneWaiting(stage);
      must((await atRedis(stage, 'EXISTS', 'customer:1')) === '1', 'it ran before anybody approved');
      const decided = await decide(stage, request, 'jane', AS_JANE);
      must(decided.code === 0, 'jane may not decide', decided);
      must((await waiting).stdout.trim() === '1', 'it did not run after its approval', await waiting);
      must((await atRedis(stage, 'EXISTS', 'customer:1')) === '0', 'the key is still there');
      await recorded(stage, ['greeting', 'FLUSHDB', 'customer:1'], 'a-session-secret');
    },
  },
  {
    name: 'ssh',
    what: 'ssh through the gate, which the pod knows by its host key: allowed, masked, denied, held and approved with kubectl, and recorded',
    needs: ['lanes'],
    run: async (stage) => {
      const said = await ssh(stage, 'echo hello');
      must(said.code === 0 && said.stdout === 'hello\n', 'it may not run a command', said);
      const masked = await ssh(stage, 'cat /data/customers.csv');
      must(
        masked.stdout.includes('Ada Lovelace') && !masked.stdout.includes('ada@example.com'),
        'the output is not masked',
        masked,
      );
      const denied = await ssh(stage, 'rm /data/customers.csv');
      must(denied.code === 255 && denied.stderr.includes('Files stay'), 'it was not refused', denied);
      must((await atServer(stage, 'test', '-e', '/data/customers.csv')).code === 0, 'the file is gone');
      const waiting = ssh(stage, 'touch /data/approved');
      const request = await oneWaiting(stage);
      must((await atServer(stage, 'test', '-e', '/data/approved')).code !== 0, 'it ran before anybody approved');
      const decided = await decide(stage, request, 'jane', AS_JANE);
      must(decided.code === 0, 'jane may not decide', decided);
      must((await waiting).code === 0, 'it did not run after its approval', await waiting);
      must((await atServer(stage, 'test', '-e', '/data/approved')).code === 0, 'the file is not there');
      await recorded(stage, ['echo hello', 'rm /data/customers.csv', 'touch /data/approved'], 'ada@example.com');
    },
  },
];

/** Makes the server's keys and the one that lets in; resolves to a piece of the private one that is found nowhere else. */
async function applySsh(stage: Stage): Promise<string> {
  using folder = temporaryFolder('cluster-ssh');
  for (const name of ['host', 'login']) {
    const { status, stderr } = spawnSync(
      'ssh-keygen',
      ['-q', '-N', '', '-C', '', '-t', 'ed25519', '-f', folder.file(name)],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`ssh-keygen: ${stderr}`);
  }
  const read = (name: string): string => readFileSync(folder.file(name), 'utf8');
  const base64 = (name: string): string => Buffer.from(read(name)).toString('base64');
  const manifest = stage
    .resource('ssh')
    .replaceAll('<HOST-KEY>', base64('host'))
    .replaceAll('<HOST-PUBLIC>', read('host.pub').trim())
    .replaceAll('<LOGIN-PUBLIC>', base64('login.pub'))
    .replaceAll('<LOGIN-KEY>', base64('login'));
  await stage.cluster.apply(manifest);
  // The second line of its armour: the first is the same for every key without a passphrase.
  return read('login').split('\n')[2] ?? '';
}

function redis(stage: Stage, ...words: readonly string[]): Promise<Ended> {
  return stage.agent(['redis-cli', '-h', 'cache.data.svc', ...words], BOT);
}

function ssh(stage: Stage, command: string): Promise<Ended> {
  return stage.agent([...SSH, command], BOT);
}

/** Asks the server past the gate. */
async function atRedis(stage: Stage, ...words: readonly string[]): Promise<string> {
  const command = ['redis-cli', '--no-auth-warning', '-a', 'only-the-gate-knows', ...words];
  return (await stage.cluster.exec('data', 'cache', command)).stdout.trim();
}

function atServer(stage: Stage, ...words: readonly string[]): Promise<Ended> {
  return stage.cluster.exec('data', 'build', words);
}

/** Resolves when the store has all of `words`; nothing that is masked may be in it. */
async function recorded(stage: Stage, words: readonly string[], masked: string): Promise<void> {
  const commands = await stage.cluster.until('the records are in the store', async () => {
    const all = JSON.stringify(await stage.commands());
    return words.every((word) => all.includes(word)) ? all : undefined;
  });
  must(!commands.includes('only-the-gate-knows'), 'a record holds the credential');
  must(!commands.includes(masked), 'a record holds what is masked');
}
