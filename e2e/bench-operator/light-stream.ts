import { connect as connectTo } from 'node:net';
import { connect } from 'node:tls';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { FollowRequestSchema, type FollowResponse, FollowResponseSchema } from '@sidegate/policy/control';

/** Types of frames (RFC 9113, section 6). */
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GO_AWAY = 7;
const WINDOW_UPDATE = 8;

const ACK = 1;
const END_HEADERS = 4;
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** SETTINGS_INITIAL_WINDOW_SIZE, as large as it goes: nothing that is received must be confirmed then. */
const WIDE_STREAM = Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff]);
const WIDE_CONNECTION = Buffer.from([0x7f, 0xff, 0, 0]);

export interface LightStream {
  say(message: MessageInitShape<typeof FollowRequestSchema>): void;
  end(): void;
}

export interface LightStreamOptions {
  readonly url: string;
  readonly authority: string;
  readonly token: string;
  readonly heard: (message: FollowResponse['message'], stream: LightStream) => void;
  readonly ended: (why: string) => void;
}

let streams = 0;

/** Gates of a cluster have an address each. */
function nextAddress(): string {
  streams += 1;
  return `127.${1 + (process.pid % 250)}.${(streams >> 8) & 255}.${streams & 255}`;
}

/**
 * A control stream with next to nothing around it: thousands of them must cost the machine little beside the operator that is measured. One stream on
 * one TLS connection, HTTP/2 frames written by hand, no header of an answer read, no flow control.
 */
export function openLightStream({ url, authority, token, heard, ended }: LightStreamOptions): LightStream {
  const { hostname, port } = new URL(url);
  const socket = connect({
    socket: connectTo({ host: hostname, port: Number(port), family: 4, localAddress: nextAddress() }),
    servername: hostname,
    ca: authority,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.3',
  });
  socket.setNoDelay(true);
  let over = false;
  /** Said before there is a connection: the headers come first. */
  let early: Buffer[] | undefined = [];
  let left: Buffer = Buffer.alloc(0);
  let body: Buffer = Buffer.alloc(0);
  const end = (why: string): void => {
    if (over) return;
    over = true;
    socket.destroy();
    ended(why);
  };
  const stream: LightStream = {
    say(message) {
      const bytes = toBinary(FollowRequestSchema, create(FollowRequestSchema, message));
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(bytes.length, 1);
      const said = frame(DATA, 0, 1, prefix, bytes);
      if (early === undefined) socket.write(said);
      else early.push(said);
    },
    end: () => end('it was told to end'),
  };
  const take = (type: number, flags: number, payload: Buffer): void => {
    if (over) return;
    if (type === DATA) {
      body = body.length === 0 ? payload : Buffer.concat([body, payload]);
      while (body.length >= 5 && body.length >= 5 + body.readUInt32BE(1)) {
        const until = 5 + body.readUInt32BE(1);
        const { message } = fromBinary(FollowResponseSchema, body.subarray(5, until));
        body = body.subarray(until);
        heard(message, stream);
      }
    } else if (type === SETTINGS && (flags & ACK) === 0) socket.write(frame(SETTINGS, ACK, 0));
    else if (type === PING && (flags & ACK) === 0) socket.write(frame(PING, ACK, 0, payload));
    else if (type === GO_AWAY || type === RST_STREAM) end(`frame ${type} says ${payload.toString('hex')}`);
    else if (type === HEADERS && (flags & ACK) === ACK) end('the stream ended');
  };
  socket.on('secureConnect', () => {
    const start = [PREFACE, frame(SETTINGS, 0, 0, WIDE_STREAM), frame(WINDOW_UPDATE, 0, 0, WIDE_CONNECTION)];
    socket.write(
      Buffer.concat([...start, frame(HEADERS, END_HEADERS, 1, headersOf(hostname, token)), ...(early ?? [])]),
    );
    early = undefined;
  });
  socket.on('data', (data: Buffer) => {
    left = left.length === 0 ? data : Buffer.concat([left, data]);
    while (left.length >= 9 && left.length >= 9 + left.readUIntBE(0, 3)) {
      const until = 9 + left.readUIntBE(0, 3);
      const [type = 0, flags = 0] = left.subarray(3, 5);
      const payload = left.subarray(9, until);
      left = left.subarray(until);
      take(type, flags, payload);
    }
  });
  socket.on('error', (error) => end(error.message));
  socket.on('close', () => end('the connection ended'));
  return stream;
}

function frame(type: number, flags: number, stream: number, ...payload: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(
    payload.reduce((sum, { length }) => sum + length, 0),
    0,
    3,
  );
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, ...payload]);
}

/** HPACK without any table of its own (RFC 7541): names by their number in the static table, values as they are. */
function headersOf(host: string, token: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x83, 0x87, 0x04]), // :method POST, :scheme https, :path
    literal('/sidegate.control.v1.Control/Follow'),
    Buffer.from([0x01]), // :authority
    literal(host),
    Buffer.from([0x0f, 0x10]), // content-type
    literal('application/grpc+proto'),
    Buffer.from([0x00]),
    literal('te'),
    literal('trailers'),
    Buffer.from([0x0f, 0x08]), // authorization
    literal(`Bearer ${token}`),
  ]);
}

/** A text with its length before it, as an integer of seven bits or more (RFC 7541, section 5.1). */
function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}
