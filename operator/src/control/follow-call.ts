import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { fromBinary } from '@bufbuild/protobuf';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { Control, type FollowRequest, FollowRequestSchema } from '@sidegate/policy/control';

/** Why a call ends that should not; each has its status code of gRPC. */
export type CallFault = Fault<keyof typeof STATUS_CODES>;

/** gRPC's status codes ("Status codes and their use in gRPC"), those of them that are said here. */
const STATUS_CODES = {
  InvalidArgument: 3,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  Unimplemented: 12,
  Unavailable: 14,
  Unauthenticated: 16,
} as const;

export const FOLLOW_PATH = `/${Control.typeName}/${Control.method.follow.name}`;

const CONTENT_TYPE = 'application/grpc+proto';
/** Compressed or not, and the length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const PREFIX_BYTES = 5;
/** A gate that has heard the end closes its half by itself; one that does not is cut off after this. */
const LINGER_MS = 1_000;
const REQUEST_BYTES_MAX = 256 * 1024;
/** Messages that were read and not taken yet: with more the gate is read no further. */
const WAITING_MAX = 16;

/** Why it is no call of ours; undefined: it is one. */
export function refuseCall(headers: IncomingHttpHeaders): CallFault | undefined {
  const encoding = headers['grpc-encoding'] ?? 'identity';
  if (headers[':method'] !== 'POST' || headers[':path'] !== FOLLOW_PATH)
    return { code: 'Unimplemented', message: `Only ${FOLLOW_PATH} is served here.` };
  if (!/^application\/grpc(\+proto)?(;|$)/.test(headers['content-type'] ?? ''))
    return { code: 'Unimplemented', message: 'Only application/grpc is understood.' };
  if (encoding !== 'identity') return { code: 'Unimplemented', message: 'Messages must not be compressed.' };
  return undefined;
}

/**
 * One call of Follow as it comes over HTTP/2. Thousands are open at a time and most of what they are sent is the same, so it is served here and
 * not by a library: with nothing around a message but its five bytes, and the same bytes written to all.
 */
export class FollowCall {
  readonly #stream: ServerHttp2Stream;
  readonly #closed = new AbortController();
  readonly #waiting: FollowRequest[] = [];
  #pending: Buffer = Buffer.alloc(0);
  #reading = false;
  #ended = false;
  #broken: CallFault | undefined;
  #wake = (): void => {};

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
    // What breaks a stream also closes it.
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.#ended = true;
      this.#closed.abort(CLOSED);
      this.#wake();
    });
  }

  /** Aborts when the stream is over, whoever ended it. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  /** What is wrong with what the gate sent; nothing is read after it. */
  get broken(): CallFault | undefined {
    return this.#broken;
  }

  /** The next message of the gate; undefined: there are no more. Nothing is read before the first is asked for. */
  async next(): Promise<FollowRequest | undefined> {
    if (!this.#reading) this.#read();
    while (this.#waiting.length === 0) {
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const next = this.#waiting.shift();
    if (this.#waiting.length < WAITING_MAX) this.#stream.resume();
    return next;
  }

  /** Sends one message, given in pieces. Resolves when there is room for more, or the stream is over. */
  async say(pieces: readonly Uint8Array[]): Promise<void> {
    const stream = this.#stream;
    if (!isOpen(stream)) return;
    if (!stream.headersSent) this.#respond();
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(
      pieces.reduce((sum, { length }) => sum + length, 0),
      1,
    );
    stream.cork();
    stream.write(prefix);
    for (const piece of pieces) stream.write(piece);
    stream.uncork();
    if (!stream.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stream.off('drain', done);
        stream.off('close', done);
        resolve();
      };
      stream.on('drain', done);
      stream.on('close', done);
    });
  }

  /** Ends the call after what was said. */
  end(fault?: CallFault): void {
    const stream = this.#stream;
    if (!isOpen(stream)) return;
    const status = {
      'grpc-status': String(fault === undefined ? 0 : STATUS_CODES[fault.code]),
      ...(fault === undefined ? {} : { 'grpc-message': encodeURIComponent(fault.message) }),
    };
    if (!stream.headersSent) {
      stream.respond({ ':status': 200, 'content-type': CONTENT_TYPE, ...status }, { endStream: true });
      this.#reset();
      return;
    }
    stream.once('wantTrailers', () => {
      stream.sendTrailers(status);
      this.#reset();
    });
    stream.end();
  }

  /**
   * What the gate may still say is for nobody (RFC 9113, section 8.1). Reset at once, trailers that were not written yet would be thrown away, and
   * with them the reason.
   */
  #reset(): void {
    const stream = this.#stream;
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), LINGER_MS);
    timer.unref();
    stream.once('close', () => clearTimeout(timer));
  }

  #respond(): void {
    this.#stream.respond({ ':status': 200, 'content-type': CONTENT_TYPE }, { waitForTrailers: true });
  }

  #read(): void {
    this.#reading = true;
    this.#stream.on('data', (data: Buffer) => this.#take(data));
    this.#stream.on('end', () => this.#end());
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  #take(data: Buffer): void {
    if (this.#ended) return;
    this.#pending = this.#pending.length === 0 ? data : Buffer.concat([this.#pending, data]);
    while (this.#pending.length >= PREFIX_BYTES) {
      const read = readMessage(this.#pending);
      if (!read.ok) {
        this.#broken = read.fault;
        return this.#end();
      }
      if (read.value === undefined) break;
      this.#waiting.push(read.value.message);
      this.#pending = this.#pending.subarray(read.value.bytes);
    }
    if (this.#waiting.length >= WAITING_MAX) this.#stream.pause();
    if (this.#waiting.length > 0) this.#wake();
  }
}

const CLOSED = 'closed';

function isOpen(stream: ServerHttp2Stream): boolean {
  return !stream.destroyed && !stream.closed && !stream.writableEnded;
}

/** The message at the beginning of `data`, and how many bytes it takes with its prefix; undefined while it is not whole. */
function readMessage(
  data: Buffer,
): Result<{ readonly message: FollowRequest; readonly bytes: number } | undefined, CallFault> {
  const length = data.readUInt32BE(1);
  if (data[0] !== 0) return fail({ code: 'Unimplemented', message: 'Messages must not be compressed.' });
  if (length > REQUEST_BYTES_MAX) return fail({ code: 'ResourceExhausted', message: 'A message is too long.' });
  if (data.length < PREFIX_BYTES + length) return ok(undefined);
  try {
    const message = fromBinary(FollowRequestSchema, data.subarray(PREFIX_BYTES, PREFIX_BYTES + length));
    return ok({ message, bytes: PREFIX_BYTES + length });
  } catch {
    return fail({ code: 'InvalidArgument', message: 'A message cannot be read.' });
  }
}
