import { spawnSync } from 'node:child_process';
import { expect } from '@jest/globals';
import { REDIS_IMAGE, startTargetRedis } from '../redis/target-redis.ts';
import { servesContainers } from '../support/container-runtime.ts';
import { POSTGRES_IMAGE, startTargetPostgres } from '../support/target-postgres.ts';
import { testGiven } from '../support/test-given.ts';

const TIMEOUT_MS = 120_000;
const why = 'no Docker daemon answers, or it has no images, so targets are programs of this machine';
const inContainers = testGiven((await servesContainers(POSTGRES_IMAGE)) && (await servesContainers(REDIS_IMAGE)), why);

/** The image of the container whose port this is, by Docker's own word; empty when there is none. */
function imageAt(port: number): string {
  const filter = ['--filter', `publish=${port}`, '--format', '{{.Image}}'];
  const { stdout, stderr, status } = spawnSync('docker', ['ps', ...filter], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`docker ps: ${stderr}`);
  return stdout.trim();
}

inContainers(
  'PostgreSQL runs in a container, with the asked settings, and keeps port and data over a crash',
  async () => {
    const server = await startTargetPostgres({
      tls: 'Required',
      settings: { work_mem: `'8MB'` },
      setup: `CREATE TABLE t (id int); INSERT INTO t VALUES (7); CREATE ROLE app LOGIN PASSWORD 'pw'; GRANT SELECT ON t TO app`,
    });
    const { port } = server;
    try {
      expect([imageAt(port), server.version]).toEqual([POSTGRES_IMAGE, '18']);
      expect(await server.query('SHOW work_mem')).toEqual([{ work_mem: '8MB' }]);
      expect(await server.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).toEqual([{ ssl: true }]);
      await expect(server.connect({ user: 'app', password: 'wrong' })).rejects.toThrow(/password authentication/);
      await server.crash();
      expect(imageAt(port)).toBe('');
      await expect(server.connect()).rejects.toThrow();
      await server.startAgain();
      expect(await server.query('SELECT id FROM t')).toEqual([{ id: 7 }]);
      expect(imageAt(port)).toBe(POSTGRES_IMAGE);
    } finally {
      await server.stop();
    }
    expect(imageAt(port)).toBe('');
  },
  TIMEOUT_MS,
);

inContainers(
  'a PostgreSQL that does not start says why',
  async () => {
    await expect(startTargetPostgres({ settings: { work_mem: `'much'` } })).rejects.toThrow(/work_mem/);
  },
  TIMEOUT_MS,
);

inContainers.each([false, true])(
  'Redis runs in a container (TLS: %s), lets nobody in without a password, and comes back after a crash',
  async (tls) => {
    const server = await startTargetRedis({ tls, settings: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    const { port } = server;
    try {
      expect(imageAt(port)).toBe(REDIS_IMAGE);
      expect(server.certificates !== undefined).toBe(tls);
      expect(await server.command(['SET', 'k', 'v'])).toBe('+OK\r\n');
      await server.restart();
      expect(await server.command(['GET', 'k'])).toBe('$1\r\nv\r\n');
    } finally {
      await server.stop();
    }
    expect(imageAt(port)).toBe('');
  },
  TIMEOUT_MS,
);
