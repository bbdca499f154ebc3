import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeContexts } from '../../images/build.ts';
import { must } from '../cluster/case.ts';
import { type Ended, runToEnd } from '../cluster/cluster.ts';
import { buildAgent, buildBase, ImageBuilder } from '../cluster/images.ts';
import { run } from '../cluster/node-network.ts';
import { buildPostgresStandIn } from '../containers/stand-ins.ts';
import { makeCertificates } from '../support/certificates.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { findProgram } from '../support/programs.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Where the daemon's own bridge is: a network that nothing else here uses. */
const BRIDGE = '10.240.0.1';
const ISSUER = 'issuer.test';
const DEADLINE_MS = 180_000;

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * Runs compose.yaml with a Docker daemon of this run's own, with images that are made here; in a network namespace of its own, so that no bridge
 * or rule of Docker stays. Throws when something does not hold.
 */
async function main(): Promise<void> {
  const compose = findProgram('docker-compose');
  if (compose === undefined || findProgram('dockerd') === undefined)
    throw new Error('it needs docker-compose and dockerd (Debian: docker-compose, docker.io)');
  run('ip', 'link', 'set', 'lo', 'up');
  using folder = temporaryFolder('compose-run');
  await using builder = new ImageBuilder(folder.file('docker'), BRIDGE);
  await builder.start();
  await buildImages(builder);
  await using issuer = await startIssuer();
  const port = await serveIssuer(issuer, folder);
  await writeExample(folder, issuer, port);
  const ask = (...parameters: readonly string[]): Promise<Ended> =>
    runToEnd(compose, ['-f', 'compose.yaml', '-f', 'override.yaml', ...parameters], undefined, {
      ...process.env,
      DOCKER_HOST: builder.host,
      COMPOSE_PROJECT_NAME: 'sidegate',
      PWD: folder.path,
    });
  process.chdir(folder.path);
  try {
    const up = await ask('up', '-d');
    must(up.code === 0, 'docker compose up fails', up);
    await shows(ask);
  } catch (error) {
    tell((await ask('logs', '--no-color', '--tail=60')).stdout);
    throw error;
  } finally {
    await ask('down', '-v', '-t', '20');
    process.chdir(ROOT);
  }
}

/** What docs/compose.md says, and that there is no road but the gate. */
async function shows(ask: (...parameters: readonly string[]) => Promise<Ended>): Promise<void> {
  const agent = (...command: readonly string[]): Promise<Ended> => ask('exec', '-T', 'agent', ...command);
  const psql = (sql: string): Promise<Ended> => agent('psql', '-qAt', '-c', sql);
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const { code, stderr } = await psql('SELECT 1');
    if (code === 0) break;
    must(Date.now() < deadline, 'the gate does not let the agent in', stderr);
    await pause(500);
  }
  const masked = await psql('SELECT name, email, ssn FROM customers WHERE id = 1');
  must(masked.stdout.trim() === 'Ada Lovelace|***********.com|*******4399', 'the row is not masked', masked);
  tell('ok    masked: columns arrive masked');
  const denied = await psql('DELETE FROM orders');
  must(denied.code !== 0 && denied.stderr.includes('A write without WHERE'), 'it is not refused', denied);
  tell('ok    denied: a write without WHERE is refused with its reason');
  const direct = await agent('psql', '-qAt', '-h', 'postgres', '-c', 'SELECT 1');
  must(direct.code !== 0, 'the agent finds the database', direct);
  const found = await agent('sh', '-c', 'env; cat /proc/1/environ; ls -R /run/secrets 2>/dev/null');
  const password = readFileSync('examples/compose/gate/password.txt', 'utf8').trim();
  must(!found.stdout.includes(password) && !found.stdout.includes('login-password'), 'the agent has the password');
  const address = await ask(
    'exec',
    '-T',
    'postgres',
    'sh',
    '-c',
    'grep -w "$(cat /proc/sys/kernel/hostname)" /etc/hosts',
  );
  const [ip = ''] = address.stdout.split(/\s/);
  const road = await agent('python3', '-c', `import socket; socket.create_connection(("${ip}", 5432), 3)`);
  must(/^[\d.]+$/.test(ip) && road.code !== 0, 'the agent reaches the database', { address, road });
  tell('ok    alone: the agent finds neither the database, by name or address, nor its password');
  await ask('restart', '-t', '20', 'sidegate');
  while ((await psql('SELECT 1')).code !== 0) {
    must(Date.now() < deadline, 'the gate does not come back');
    await pause(500);
  }
  const sessions = await ask('exec', '-T', 'sidegate', 'sidegate', 'sessions', '--json');
  const lines = sessions.stdout.trim().split('\n');
  must(lines.length >= 4, 'sessions are missing', sessions);
  const verified = await ask('exec', '-T', 'sidegate', 'sidegate', 'verify', '--all');
  must(verified.code === 0, 'the records do not verify', verified);
  tell(`ok    recorded: ${lines.length} sessions are there after the gate was started again, and verify`);
}

async function buildImages(builder: ImageBuilder): Promise<void> {
  const base = buildBase(builder);
  const contexts = builder.folder('sidegate');
  await makeContexts(contexts, ['cli']);
  builder.build(join(contexts, 'cli'), 'sidegate/cli:dev', '--build-arg', `BASE=${base}`);
  buildAgent(builder);
  buildPostgresStandIn(builder);
}

/** The gate reads an issuer's keys over https. */
async function serveIssuer(issuer: TestIssuer, folder: TemporaryFolder): Promise<number> {
  const { certificate, key } = makeCertificates(folder.path, [ISSUER]);
  const server = createServer({ cert: certificate, key }, (request, response) => {
    fetch(`${issuer.url}${request.url}`)
      .then(async (answer) => response.writeHead(answer.status).end(await answer.text()))
      .catch(() => response.writeHead(502).end());
  });
  server.listen(0, BRIDGE);
  await once(server, 'listening');
  server.unref();
  return (server.address() as AddressInfo).port;
}

/** The example as its user has it: own passwords, own issuer, a token of it. */
async function writeExample(folder: TemporaryFolder, issuer: TestIssuer, port: number): Promise<void> {
  // Debian's docker-compose is of before files had a name; it is given as COMPOSE_PROJECT_NAME.
  const compose = readFileSync(join(ROOT, 'compose.yaml'), 'utf8').replace(/^name: sidegate$/m, '');
  writeFileSync(folder.file('compose.yaml'), compose);
  cpSync(join(ROOT, 'examples', 'compose'), folder.file('examples/compose'), { recursive: true });
  const example = folder.file('examples/compose');
  const url = `https://${ISSUER}:${port}`;
  const file = join(example, 'gate', 'configuration.yaml');
  const text = readFileSync(file, 'utf8').replace(
    'url: https://login.example.com',
    `url: ${url}\n    jwksUrl: ${url}/keys`,
  );
  writeFileSync(file, text);
  const secrets = {
    'superuser-password.txt': 'of-the-superuser',
    'gate/password.txt': 'only-the-gate-knows',
    'gate/agent.token': await issuer.token({ issuer: url, subject: 'support-bot' }),
  };
  for (const [name, secret] of Object.entries(secrets)) {
    writeFileSync(join(example, name), secret);
    chmodSync(join(example, name), 0o644);
  }
  mkdirSync(folder.file('trust'));
  cpSync(folder.file('ca.crt'), folder.file('trust/ca.crt'));
  const override = {
    services: {
      sidegate: {
        environment: { NODE_EXTRA_CA_CERTS: '/trust/ca.crt' },
        volumes: ['./trust:/trust:ro'],
        extra_hosts: [`${ISSUER}:${BRIDGE}`],
      },
    },
  };
  writeFileSync(folder.file('override.yaml'), JSON.stringify(override));
}

await main();
tell('all holds');
