import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { runProcess } from '../support/processes.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';
import { SSH, SSHD } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';

const TIMEOUT_MS = 300_000;
const HOST = 'agent@127.0.0.1';
const BYTES = 16 * 1024 * 1024;
const AT_ONCE = 3;
/** Either side asks for new keys after so much, so they are exchanged some dozen times in each connection, often by both at once. */
const LIMIT = 'RekeyLimit 700K';
const EXCHANGES_MIN = 20;

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const exchangesIn = (log: string): number => log.match(/SSH2_MSG_KEXINIT received/g)?.length ?? 0;

describe('keys that are exchanged again while much goes both ways', () => {
  let stage: SshStage;
  let folder: TemporaryFolder;
  beforeAll(async () => {
    folder = temporaryFolder('rekey');
    if (SSH === undefined || SSHD === undefined) return;
    stage = await openSshStage({ settings: () => [LIMIT, 'LogLevel DEBUG1'] });
  }, TIMEOUT_MS);
  afterAll(async () => {
    await stage?.stop();
    folder.remove();
  }, TIMEOUT_MS);

  testGiven(SSH === undefined ? undefined : SSHD, 'ssh or sshd is not installed')(
    'all arrives as it was sent, and is in the record',
    async () => {
      const { line, env } = await stage.command();
      const [program = '', ...settings] = line.split(' ');
      const words = [program, '-v', '-o', LIMIT.replace(' ', '='), ...settings, HOST, 'cat'];
      const run = async (at: number): Promise<number> => {
        const [sent, back] = [folder.file(`sent ${at}`), folder.file(`back ${at}`)];
        writeFileSync(sent, Buffer.alloc(BYTES, `what number ${at} sends, over and over\n`));
        const { code, stderr } = await runProcess('sh', ['-c', 'exec "$@" < "$0" > "$OUT"', sent, ...words], {
          env: { ...env, OUT: back },
          deadlineMs: TIMEOUT_MS,
        });
        expect([code, sha256(back)]).toEqual([0, sha256(sent)]);
        return exchangesIn(stderr);
      };
      const exchanges = await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => run(at)));
      for (const count of exchanges) expect(count).toBeGreaterThan(EXCHANGES_MIN);
      expect(exchangesIn(stage.server.log())).toBeGreaterThan(AT_ONCE * EXCHANGES_MIN);
      for (const { sessionId } of await stage.ended(AT_ONCE)) {
        await stage.cli('verify', String(sessionId));
        const [command] = (await stage.cli('show', String(sessionId))).filter(({ kind }) => kind === 'Command');
        expect(command).toMatchObject({ text: 'cat', outcome: 'Done' });
        expect(Number(command?.['answerBytes'])).toBeGreaterThan(BYTES);
      }
    },
    TIMEOUT_MS,
  );
});
