import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { encodeEvent } from '@sidegate/session';
import { UploadResponse_Status as Status } from '@sidegate/session/store';
import { sampleOpened } from '@sidegate/session/testing';
import { FakeStore } from './fake-store.ts';
import { uploadTo } from './open-upload.ts';
import { questionOf, requestOf } from './requests.ts';
import { SessionQueue } from './session-queue.ts';
import { SpareMemory } from './spare-memory.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-upload-'));
  writeFileSync(join(folder, 'token'), 'a-token');
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each([1, 16, 100])('a chunk of %i MiB that waits when a stream is opened gets to the store', async (mib) => {
  const store = new FakeStore();
  const listening = await store.listen();
  const queue = new SessionQueue('s', 'g', new SpareMemory(0));
  const bytes = randomBytes(mib * 1024 * 1024);
  queue.add({ sequence: 1, flags: 1, event: Buffer.from(encodeEvent(1, sampleOpened())) }, 0);
  queue.add(
    { sequence: 2, flags: 0, event: Buffer.from(encodeEvent(2, { kind: 'AnswerPart', atUs: 1, commandId: 1, bytes })) },
    0,
  );
  const question = questionOf(queue);
  queue.cut({ chunkBytesMax: Number.POSITIVE_INFINITY, chunkWaitMs: 0 });
  const requests = [question, requestOf(queue)];
  async function* upload() {
    yield* requests;
  }
  const open = uploadTo({ url: listening.url, tokenFile: join(folder, 'token') });
  const statuses: Status[] = [];
  for await (const { status } of await open(upload(), new AbortController().signal)) statuses.push(status);
  expect(statuses).toEqual([Status.POSITION, Status.STORED]);
  await listening.close();
});
