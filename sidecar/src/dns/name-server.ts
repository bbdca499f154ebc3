import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIP } from 'node:net';
import { answers, type Query, withId } from './message.ts';
import { framed, MessageReader } from './tcp-message.ts';

/** How long a server may take before the next is asked, in milliseconds. */
export const NAME_SERVER_TIMEOUT_MS = 2_000;

/** A name server that questions are passed on to. */
export interface NameServer {
  readonly host: string;
  readonly port: number;
}

/** Reads `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`; undefined when it is none of them. */
export function readNameServer(text: string): NameServer | undefined {
  if (isIP(text) !== 0) return { host: text, port: 53 };
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? '';
  return isIP(host) === 0 ? undefined : { host, port: Number(port ?? 53) };
}

/** Asks over UDP, on a port and under an id of its own that nobody can foresee. Undefined: no answer. Never rejects. */
export function askByUdp({ host, port }: NameServer, query: Query, timeoutMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const id = randomInt(0x1_00_00);
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    const settle = (reply: Buffer | undefined): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
      resolve(reply);
    };
    const timer = setTimeout(() => settle(undefined), timeoutMs);
    socket.on('error', () => settle(undefined));
    // Connected, so that the kernel gives us nothing from anybody else.
    socket.on('connect', () => socket.send(withId(query.bytes, id)));
    socket.on('message', (reply) => {
      if (answers(reply, query, id)) settle(withId(reply, query.id));
    });
    socket.connect(port, host);
  });
}

/** Asks over TCP (RFC 7766), on a connection of its own. Undefined: no answer. Never rejects. */
export function askByTcp({ host, port }: NameServer, query: Query, timeoutMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const id = randomInt(0x1_00_00);
    const socket = connect({ host, port });
    const reader = new MessageReader();
    const settle = (reply: Buffer | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reply);
    };
    const timer = setTimeout(() => settle(undefined), timeoutMs);
    socket.on('error', () => settle(undefined));
    socket.on('close', () => settle(undefined));
    socket.on('connect', () => socket.write(framed(withId(query.bytes, id))));
    socket.on('data', (bytes: Buffer) => {
      const [reply] = reader.receive(bytes);
      if (reply !== undefined) settle(answers(reply, query, id) ? withId(reply, query.id) : undefined);
    });
  });
}
