import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Client,
  createClient,
  type Interceptor,
  type StreamResponse,
  type UnaryResponse,
} from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { SealedChunk } from '@sidegate/session';
import { Ingest, Reader, type UploadRequest, UploadRequestSchema } from '@sidegate/session/store';

/** The line that the program prints when it serves. */
export interface Ready {
  readonly kind: 'Ready';
  readonly ingest: string;
  readonly ownerSocket: string;
  readonly metrics?: string;
  readonly recovery: { readonly indexed: number; readonly tornBytes: number; readonly damaged: number };
}

export const INGEST_TOKEN = 'a-token-of-the-tests-0123456789';

/** A running store program, for tests. */
export class StoreProcess {
  readonly ready: Ready;
  readonly #child: ChildProcess;
  readonly #managers: Http2SessionManager[] = [];

  private constructor(child: ChildProcess, ready: Ready) {
    this.#child = child;
    this.ready = ready;
  }

  /** Starts the program on `directory` and waits until it serves. */
  static async start(directory: string, flags: readonly string[] = []): Promise<StoreProcess> {
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, `${INGEST_TOKEN}\n`);
    const main = join(import.meta.dirname, '..', 'main.ts');
    const parameters = [main, '--data', join(directory, 'data'), '--ingest-token-file', tokenFile, '--json', ...flags];
    const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const line = await Promise.race([
      once(lines, 'line').then(([text]) => String(text)),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`the store ended with ${code}`))),
    ]);
    return new StoreProcess(child, JSON.parse(line));
  }

  ingest(token = INGEST_TOKEN): Client<typeof Ingest> {
    const manager = new Http2SessionManager(this.ready.ingest, undefined, { maxSessionMemory: 4096 });
    this.#managers.push(manager);
    const bear: Interceptor = (next) => (request) => {
      request.header.set('authorization', `Bearer ${token}`);
      return next(request);
    };
    const options = { baseUrl: this.ready.ingest, sessionManager: manager, interceptors: [bear] };
    return createClient(Ingest, createGrpcTransport(options));
  }

  /** `answered` is told of each answer. */
  reader(answered: (response: UnaryResponse | StreamResponse) => void = () => undefined): Client<typeof Reader> {
    const createConnection = () => connect(this.ready.ownerSocket);
    const manager = new Http2SessionManager('http://reader', undefined, { createConnection });
    this.#managers.push(manager);
    const watch: Interceptor = (next) => async (request) => {
      const response = await next(request);
      answered(response);
      return response;
    };
    const options = { baseUrl: 'http://reader', sessionManager: manager, interceptors: [watch] };
    return createClient(Reader, createGrpcTransport(options));
  }

  /** The most memory that it ever had. */
  peakMib(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/mu.exec(status)?.[1]) / 1024;
  }

  /** Asks the program to end while connections are open, and waits until it has. */
  async stop(): Promise<number | null> {
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exit;
    return this.#child.exitCode;
  }

  /** Ends the program with SIGKILL, or as asked, and waits until it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<number | null> {
    for (const manager of this.#managers) manager.abort();
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
    return child.exitCode;
  }
}

/** A new folder for one test. */
export function testDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'sidegate-store-'));
}

/** The request that uploads a chunk. */
export function uploadOf(chunk: SealedChunk): UploadRequest {
  const request: MessageInitShape<typeof UploadRequestSchema> = {
    chunk: chunk.bytes,
    sessionId: chunk.sessionId,
    firstSequence: BigInt(chunk.firstSequence),
    lastSequence: BigInt(chunk.lastSequence),
    sha256: chunk.sha256,
  };
  return create(UploadRequestSchema, request);
}
