import { connect, type Socket } from 'node:net';

/** A connection that stays open from its own side, once what came matches. */
export async function holdTcp(port: number, wanted: RegExp): Promise<Disposable & { readonly over: Promise<void> }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const over = endOf(socket);
  let got = '';
  await new Promise<void>((resolve, reject) => {
    void over.then(() => reject(new Error(`the connection was closed after ${JSON.stringify(got)}`)));
    socket.on('data', (bytes: Buffer) => {
      got += bytes.toString();
      if (wanted.test(got)) resolve();
    });
  });
  return {
    over,
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** Until the peer has ended its direction; one that breaks the connection has given nothing more. */
function endOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('end', resolve);
    socket.once('close', () => resolve());
    socket.on('error', () => undefined);
  });
}

/** What a TCP connection gave until the peer ended it, after `input` was sent and its own direction ended. */
export async function talkTcp(port: number, input: Uint8Array, greeting?: Greeting): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const parts: Buffer[] = [];
  const over = endOf(socket);
  try {
    if (greeting !== undefined) await greeting(socket);
    socket.on('data', (bytes: Buffer) => void parts.push(bytes));
    socket.end(input);
    await over;
  } finally {
    socket.destroy();
  }
  return Buffer.concat(parts);
}

/** What is said before the connection leads where it is to lead. */
type Greeting = (socket: Socket) => Promise<void>;

/** Asks a SOCKS5 server (RFC 1928) to lead to a host by its name, or to an address of IPv4. Rejects with the server's code when it does not. */
export function socksTo(host: string, port: number): Greeting {
  const isAddress = /^[\d.]+$/.test(host);
  const name = Buffer.from(host);
  const place = isAddress
    ? Buffer.from([1, ...host.split('.').map(Number)])
    : Buffer.concat([Buffer.from([3, name.length]), name]);
  return async (socket) => {
    socket.write(Buffer.from([5, 1, 0]));
    await readExactly(socket, 2);
    socket.write(Buffer.concat([Buffer.from([5, 1, 0]), place, Buffer.from([port >> 8, port & 0xff])]));
    // OpenSSH answers with an address of IPv4, always.
    const [, code] = await readExactly(socket, 10);
    if (code !== 0) throw new Error(`SOCKS ${code}`);
  };
}

async function readExactly(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const read: Buffer | null = socket.read(bytes);
    if (read !== null && read.length === bytes) return read;
    if (read !== null || socket.readableEnded || socket.destroyed) throw new Error('SOCKS closed');
    await new Promise<void>((resolve) => {
      const go = (): void => {
        for (const name of ['readable', 'end', 'close'] as const) socket.removeListener(name, go);
        resolve();
      };
      for (const name of ['readable', 'end', 'close'] as const) socket.once(name, go);
    });
  }
}
