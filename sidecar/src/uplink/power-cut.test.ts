import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { decodeEvent, verifySession } from '@sidegate/session';
import { sampleOpened } from '@sidegate/session/testing';
import { FakeStore } from './fake-store.ts';
import { DEADLINE_MS, OneThreadGate } from './one-thread-gate.ts';

jest.setTimeout(2 * DEADLINE_MS);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-cut-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a machine that lost its power has on its disk: some of the first bytes of the segment, and of the progress. The store has all. */
test.each([[0], [0.5], [1]])(
  'a machine that lost the end of its spool, and %p of its progress, tells no other story',
  async (progressPart) => {
    const before = join(folder, 'before');
    const store = new FakeStore();
    const gate = new OneThreadGate({
      folder: before,
      store,
      spoolLimits: { segmentBytesMax: 1_000_000 },
    }).startUplink();
    const session = gate.spool.open(sampleOpened({ sessionId: 's' }), 'Spool');
    gate.commit();
    const [name = ''] = readdirSync(before).filter((one) => one.endsWith('.spool'));
    const openedBytes = statSync(join(before, name)).size;
    for (let at = 0; at < 6; at += 1) {
      session.append({ kind: 'Remark', atUs: 2, code: 'C', text: `remark ${at}` });
      gate.commit();
      await gate.drained();
    }
    await gate.stop();
    const held = structuredClone(store.sessions.get('s'));
    if (held === undefined) throw new Error('the store has the session');
    const { length } = readFileSync(join(before, name));
    const progress = readFileSync(join(before, 'progress'));
    for (let bytes = 0; bytes <= length; bytes += 3) {
      const after = join(folder, `after-${bytes}`);
      mkdirSync(after);
      copyFileSync(join(before, name), join(after, name));
      truncateSync(join(after, name), bytes);
      writeFileSync(join(after, 'progress'), progress.subarray(0, Math.floor(progress.length * progressPart)));
      const next = new FakeStore();
      next.sessions.set('s', structuredClone(held));
      const again = new OneThreadGate({ folder: after, store: next }).startUplink();
      await again.drained();
      await again.stop();
      const verdict = verifySession(next.sessions.get('s')?.chunks ?? [], 's');
      const last = decodeEvent(next.sessions.get('s')?.events.at(-1) ?? new Uint8Array());
      const seen = [bytes, next.alarms, verdict.kind, last.ok && last.value.event.kind];
      // What the disk lost whole is known to nobody.
      if (bytes >= openedBytes || progressPart > 0) expect(seen).toEqual([bytes, [], 'Complete', 'Closed']);
      rmSync(after, { recursive: true });
    }
  },
);
