import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { SealedChunk } from '@sidegate/session';
import type { SessionFilter } from '../index/session-query.ts';
import type { Verdict } from '../ingest/intake.ts';
import { type StoredVerification, verifyStored } from '../reading/verify-stored.ts';
import type { RetentionLimits } from '../retention/retention.ts';
import { Store } from '../store.ts';
import { SampleSession } from './sample-session.ts';
import { testDirectory } from './store-process.ts';

export interface BenchOptions extends Partial<RetentionLimits> {
  readonly segmentBytesMax?: number;
  readonly diskReserveBytes?: number;
}

/** Asks for everything. */
export const EVERYTHING: SessionFilter = {
  target: '',
  subject: '',
  agent: '',
  run: '',
  decision: '',
  sinceUs: 0,
  untilUs: 0,
  text: '',
  open: undefined,
};

/** A store in a folder of its own, with a clock that the test sets. */
export class StoreBench {
  readonly directory = testDirectory();
  nowUs = 1_000_000;
  readonly reports: unknown[] = [];
  #store: Store | undefined;

  get store(): Store {
    if (this.#store === undefined) throw new Error('the store is not open');
    return this.#store;
  }

  async open(options: BenchOptions = {}): Promise<void> {
    const { segmentBytesMax = 64 * 1024 * 1024, diskReserveBytes = 0, ...limits } = options;
    const opened = await Store.open({
      directory: this.directory,
      limits: { ageMaxMs: 0, bytesMax: 0, silenceMs: 300_000, ...limits },
      segmentBytesMax,
      diskReserveBytes,
      nowUs: () => this.nowUs,
      report: (error) => this.reports.push(error),
    });
    if (!opened.ok) throw new Error(opened.fault.message);
    this.#store = opened.value;
  }

  async close(): Promise<void> {
    await this.#store?.close();
    this.#store = undefined;
  }

  async reopen(options: BenchOptions = {}): Promise<void> {
    await this.close();
    await this.open(options);
  }

  /** Closes the store and deletes its folder. */
  async discard(): Promise<void> {
    await this.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Deletes the index of a closed store. */
  loseIndex(): void {
    for (const end of ['', '-wal']) rmSync(join(this.directory, `index.sqlite${end}`), { force: true });
  }

  offer(chunk: SealedChunk): Promise<Verdict> {
    return this.store.intake.offer({ ...chunk, chunk: chunk.bytes });
  }

  /** Offers all at once; the verdicts' kinds in the same order. */
  async offerAll(chunks: readonly SealedChunk[]): Promise<string[]> {
    const verdicts = await Promise.all(chunks.map((chunk) => this.offer(chunk)));
    return verdicts.map(({ kind }) => kind);
  }

  async sessionIds(filter: Partial<SessionFilter> = {}): Promise<string[]> {
    const page = await this.store.query.sessions({ ...EVERYTHING, ...filter }, 100, '');
    if (!page.ok) throw new Error(page.fault.message);
    return page.value.sessions.map(({ sessionId }) => sessionId);
  }

  alarmKinds(): string[] {
    return this.store.alarms.list('', 100).map(({ kind }) => kind);
  }

  verify(sessionId: string): Promise<StoredVerification | undefined> {
    return verifyStored(this.store, sessionId, new AbortController().signal);
  }
}

/** A session in chunks: opened, one for each command; `whole` adds its end. */
export function record(
  sessionId: string,
  commands = 1,
  options: { readonly atUs?: number; readonly gateId?: string } = {},
): { readonly session: SampleSession; readonly chunks: SealedChunk[]; readonly whole: () => SealedChunk[] } {
  const session = new SampleSession(sessionId, options);
  const chunks = [session.chunk(session.opened())];
  for (let id = 1; id <= commands; id += 1) chunks.push(session.chunk(...session.command(id, `select ${id}`)));
  return { session, chunks, whole: () => [...chunks, session.chunk(session.closed())] };
}
