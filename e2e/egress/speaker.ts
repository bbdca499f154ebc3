/**
 * Speaks in the network namespace that it is started in, as another user: `UID tcp HOST PORT`, `UID udp HOST PORT [OWN_PORT]`, `UID leave HOST
 * PORT BYTES` or `UID serve ADDRESS...`. Prints what became of it in one word: `ok`, or the code of the error.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** What TCP and UDP servers say back. */
const ECHO_PORT = 5432;
/** Counts what it is sent, and prints it at the end. */
const COUNT_PORT = 5433;
/** A rule that drops instead of refusing shows as this. */
const SILENCE_MS = 20_000;

const [uid = '', action = '', host = '', port = '', more = ''] = process.argv.slice(2);

function say(word: string): never {
  process.stdout.write(`${word}\n`);
  process.exit(0);
}

function tcp(): void {
  const socket = connect({ host, port: Number(port) });
  socket.on('error', (error) => say('code' in error ? String(error.code) : 'error'));
  socket.on('connect', () => socket.write('word'));
  socket.on('data', () => say('ok'));
}

/** Sends, and ends at once: the kernel does the rest with a socket that has no owner any more. */
function leave(): void {
  const socket = connect({ host, port: Number(port) });
  socket.on('error', (error) => say('code' in error ? String(error.code) : 'error'));
  socket.on('connect', () => socket.write(Buffer.alloc(Number(more)), () => say('ok')));
}

function udp(): void {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', (error) => say('code' in error ? String(error.code) : 'error'));
  socket.on('message', () => say('ok'));
  socket.bind(more === '' ? 0 : Number(more), () =>
    socket.connect(Number(port), host, () =>
      // The refusal of the network comes after the first word.
      socket.send('word', (error) =>
        error === null ? undefined : say('code' in error ? String(error.code) : 'error'),
      ),
    ),
  );
}

async function serve(): Promise<void> {
  const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  const count = createServer((socket) => {
    let bytes = 0;
    socket.on('data', (data) => {
      bytes += data.length;
    });
    socket.on('error', (error) => process.stdout.write(`broken ${bytes} ${error.message}\n`));
    socket.on('end', () => process.stdout.write(`counted ${bytes}\n`));
  });
  // One for each address: of any, an answer goes out from another one than was asked.
  for (const address of process.argv.slice(4)) {
    const words = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    words.on('message', (message, from) => words.send(message, from.port, from.address));
    words.bind(ECHO_PORT, address);
    await once(words, 'listening');
  }
  for (const [server, where] of [
    [echo, ECHO_PORT],
    [count, COUNT_PORT],
  ] as const) {
    server.listen(where, '::');
    await once(server, 'listening');
  }
  process.stdout.write('listening\n');
}

process.setgid?.(Number(uid));
process.setuid?.(Number(uid));
if (action !== 'serve') setTimeout(() => say('silence'), SILENCE_MS).unref();
switch (action) {
  case 'tcp':
    tcp();
    break;
  case 'udp':
    udp();
    break;
  case 'leave':
    leave();
    break;
  default:
    await serve();
}
