#!/usr/bin/env node
import { userInfo } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { describeFault, type Fault, type Result } from '@sidegate/crds';
import { systemClock } from './clock.ts';
import { readConfig, type StoreConfig, USAGE } from './config.ts';
import { byToken } from './ingest/bearer.ts';
import { ingestRoutes } from './ingest/ingest-service.ts';
import { postTo } from './kubernetes/api-server.ts';
import { byTokenReview } from './kubernetes/token-review.ts';
import { readerRoutes } from './reading/reader-service.ts';
import { type Listening, serveAddress, serveMetrics, serveOwnerSocket, serveSecureAddress } from './serve.ts';
import { PairWatch, readPair } from './serving-pair.ts';
import { Store } from './store.ts';

const stopping = new AbortController();

/** Calls that run when the program is told to stop get this long. */
const STOP_MS = 5000;

/** A certificate that was rotated is taken up within this time. */
const CERTIFICATE_MS = 30_000;

async function main(): Promise<void> {
  // V8 counts buffers as part of the heap, and a heap as small as the store's is near its bound after each collection of what is young: all was marked
  // each time, half of the store's processor time. What is left to V8 is a heap that grows, in one piece.
  setFlagsFromString('--no-incremental-marking');
  // All that is written here is for this user alone.
  process.umask(0o077);
  const config = readConfig(process.argv.slice(2), process.env);
  const json = process.argv.includes('--json');
  if (!config.ok) return refuse(config.fault, json, 2);
  if (config.value === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  const { value } = config;
  const opened = await Store.open({ ...value, nowUs: systemClock, report });
  if (!opened.ok) return refuse(opened.fault, json, 1);
  const store = opened.value;
  const listening: Listening[] = [];
  const serve = async (fault: Fault): Promise<void> => {
    await stop(store, listening);
    refuse(fault, json, 1);
  };
  const ownerSocket = await serveOwnerSocket(value.ownerSocket, readerRoutes(store, readerName()));
  if (!ownerSocket.ok) return serve(ownerSocket.fault);
  listening.push(ownerSocket.value);
  const metrics = value.metrics === undefined ? undefined : await serveMetrics(value.metrics, store.metrics.registry);
  if (metrics?.ok === false) return serve(metrics.fault);
  if (metrics?.ok === true) listening.push(metrics.value);
  const ingest = await serveIngest(value, store);
  if (!ingest.ok) return serve(ingest.fault);
  listening.push(ingest.value);

  announce(
    value,
    store,
    ingest.value.where,
    ownerSocket.value.where,
    metrics?.ok === true ? metrics.value.where : undefined,
  );
  const tidying = setInterval(() => void store.tidy().catch(report), Math.max(value.tidyEveryMs, 10));
  const end = (): void => {
    clearInterval(tidying);
    void stop(store, listening).then(() => process.exit(0), crash);
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  // Started by another program over a channel: not to outlive it.
  if (process.connected) process.once('disconnect', end);
}

/** With the API server's word and TLS in a cluster, with one token on one machine. */
async function serveIngest({ ingest, listen }: StoreConfig, store: Store): Promise<Result<Listening, Fault>> {
  if (ingest.kind === 'Token')
    return serveAddress(listen, ingestRoutes(store, byToken(ingest.sha256), stopping.signal));
  const pair = readPair(ingest.pair);
  if (!pair.ok) return pair;
  const authenticate = byTokenReview(postTo(ingest.server), () => performance.now());
  const served = await serveSecureAddress(listen, pair.value, ingestRoutes(store, authenticate, stopping.signal));
  if (!served.ok) return served;
  const watch = new PairWatch(ingest.pair, pair.value);
  setInterval(() => {
    const next = watch.look();
    if (next !== undefined) served.value.replaceCertificate(next);
  }, CERTIFICATE_MS).unref();
  return served;
}

async function stop(store: Store, listening: readonly Listening[]): Promise<void> {
  const signal = AbortSignal.timeout(STOP_MS);
  stopping.abort();
  store.arrivals.end();
  await Promise.all(listening.map((one) => one.close(signal)));
  await store.close();
}

function announce(config: StoreConfig, store: Store, ingest: string, ownerSocket: string, metrics?: string): void {
  const { recovery } = store;
  if (config.json) {
    const ready = { kind: 'Ready', ingest, ownerSocket, ...(metrics === undefined ? {} : { metrics }), recovery };
    process.stdout.write(`${JSON.stringify(ready)}\n`);
    return;
  }
  process.stdout.write(`The store takes records at ${ingest} and is read at ${ownerSocket}.\n`);
  if (metrics !== undefined) process.stdout.write(`Its metrics are at ${metrics}/metrics.\n`);
  if (recovery.indexed > 0)
    process.stdout.write(`${recovery.indexed} chunks were on disk and not indexed; now they are.\n`);
  if (recovery.damaged > 0) process.stdout.write(`${recovery.damaged} stored chunks are damaged; see the alarms.\n`);
}

/** The socket lets in only this user, so this is who reads. */
function readerName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

function refuse(fault: Fault, json: boolean, exitCode: number): void {
  if (json) process.stdout.write(`${JSON.stringify({ kind: 'Fault', ...fault })}\n`);
  process.stderr.write(`sidegate-store: ${describeFault(fault)}\n`);
  process.exitCode = exitCode;
}

function report(error: unknown): void {
  process.stderr.write(`sidegate-store: ${error instanceof Error ? error.message : String(error)}\n`);
}

function crash(error: unknown): void {
  report(error);
  process.exit(1);
}

main().catch(crash);
