import { Socket } from 'node:net';
import pg from 'pg';
import type { Route } from './route.ts';

/** ReadyForQuery outside a transaction: `Z`, length 5, `I` (PostgreSQL documentation, "Message Formats"). It ends every answer. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/** A logged-in connection that reads answers as bytes only, so that its own cost hides nothing. */
export interface RawClient {
  /** Sends messages that end in a Query or a Sync; resolves with the bytes of the answer. Rejects when the connection ends. */
  ask(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** node-postgres logs in; from there on the socket is ours. */
export async function openRawClient({ host, port, user, password, database }: Route): Promise<RawClient> {
  const socket = new Socket();
  const client = new pg.Client({ host, port, user, password, database, stream: () => socket });
  client.on('error', () => undefined);
  await client.connect();
  socket.removeAllListeners('data');
  socket.setNoDelay(true);
  let answer:
    | { bytes: number; readonly done: (bytes: number) => void; readonly lost: (error: Error) => void }
    | undefined;
  let tail = Buffer.alloc(0);
  socket.on('data', (bytes) => {
    if (answer === undefined) return;
    answer.bytes += bytes.length;
    tail =
      bytes.length >= READY.length
        ? bytes.subarray(-READY.length)
        : Buffer.concat([tail, bytes]).subarray(-READY.length);
    if (!tail.equals(READY)) return;
    const { bytes: count, done } = answer;
    answer = undefined;
    done(count);
  });
  socket.once('close', () => answer?.lost(new Error('the connection ended in the middle of an answer')));
  socket.resume();
  return {
    ask: (bytes) =>
      new Promise((done, lost) => {
        answer = { bytes: 0, done, lost };
        socket.write(bytes);
      }),
    close: () => socket.destroy(),
  };
}

/** A simple Query. */
export function queryMessage(sql: string): Buffer {
  return message('Q', cString(sql));
}

/** Parse of a statement named `s` with one parameter, and Sync. */
export function prepareMessage(sql: string): Buffer {
  return Buffer.concat([message('P', Buffer.concat([cString('s'), cString(sql), int16(0)])), message('S')]);
}

/** Bind of `s` with one text parameter, Execute, and Sync: what pgbench sends for a prepared SELECT. */
export function executeMessage(parameter: string): Buffer {
  const value = Buffer.from(parameter);
  const bind = Buffer.concat([cString(''), cString('s'), int16(0), int16(1), int32(value.length), value, int16(0)]);
  const describe = Buffer.concat([Buffer.from('P'), cString('')]);
  const execute = Buffer.concat([cString(''), int32(0)]);
  return Buffer.concat([message('B', bind), message('D', describe), message('E', execute), message('S')]);
}

function message(type: string, body: Uint8Array = new Uint8Array()): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
