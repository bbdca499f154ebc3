import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerHttp2Session } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceImpl } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { Reader } from '@sidegate/session/store';

/** A store's reading side, made of what a test says it answers, on a socket of its own. */
export interface ReaderSocket {
  readonly path: string;
  close(): Promise<void>;
}

/** Serves the given methods; all others answer that they are not implemented. */
export async function serveReader(methods: Partial<ServiceImpl<typeof Reader>>): Promise<ReaderSocket> {
  const folder = mkdtempSync(join(tmpdir(), 'sidegate-cli-'));
  const path = join(folder, 'store.sock');
  const server = createServer(connectNodeAdapter({ routes: (router) => router.service(Reader, methods) }));
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  return {
    path,
    async close() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => void server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
