import { readdirSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { ProtocolName } from '@sidegate/crds';
import * as fc from 'fast-check';
import type { ClientView, ProtocolExhibit } from './exhibit.ts';
import { openProtocols, type Registry } from './index.ts';
import { Playback } from './playback.ts';
import { postgresExhibit } from './postgres/testing/exhibit.ts';
import type { Protocol, SessionOptions } from './protocol.ts';
import { redisExhibit } from './redis/testing/exhibit.ts';
import { sshExhibit } from './ssh/testing/exhibit.ts';
import { readTranscript, type TranscriptChunk } from './transcript.ts';

/** What each protocol of the registry shows; one without an exhibit fails below. */
const EXHIBITS: Readonly<Partial<Record<ProtocolName, ProtocolExhibit>>> = {
  Postgres: postgresExhibit(readFileSync(new URL('postgres/fixture/catalog.json', import.meta.url), 'utf8')),
  Redis: redisExhibit,
  SSH: sshExhibit,
};
const LIMITS: SessionOptions['limits'] = { frameBytesMax: 1 << 20, pendingCommandsMax: 64, preparedMax: 64 };

let registry: Registry;

beforeAll(async () => {
  registry = await openProtocols();
});

test('every protocol of the registry has an exhibit', () => {
  expect([...registry.protocols.keys()].toSorted()).toEqual(Object.keys(EXHIBITS).toSorted());
});

describe.each(Object.entries(EXHIBITS))('%s', (name, exhibit) => {
  function open(limits: Partial<SessionOptions['limits']> = {}): Playback {
    const protocol: Protocol | undefined = registry.protocols.get(name);
    if (protocol === undefined) throw new Error(`${name} is not in the registry`);
    const options = { ...exhibit.sessionOptions({ ...LIMITS, ...limits }), shared: registry.shared.get(name) };
    return new Playback(protocol.openSession(options), exhibit.answers);
  }

  /** Feeds chunks, each cut as `cut` says. */
  function feed(
    playback: Playback,
    chunks: readonly TranscriptChunk[],
    cut: (bytes: Uint8Array, index: number) => readonly Uint8Array[] = (bytes) => [bytes],
  ): Playback {
    for (const [index, { from, bytes }] of chunks.entries()) {
      for (const piece of cut(bytes, index)) {
        if (from === 'Agent') playback.agent(piece);
        else playback.target(piece);
      }
    }
    return playback;
  }

  function opened(limits: Partial<SessionOptions['limits']> = {}): {
    readonly playback: Playback;
    readonly answers: () => Uint8Array;
  } {
    const playback = feed(open(limits), exhibit.opening);
    const start = playback.sent('Agent').length;
    return { playback, answers: () => playback.sent('Agent').subarray(start) };
  }

  function readAsClient(bytes: Uint8Array): Promise<ClientView> {
    return exhibit.readAsClient(Readable.from([Buffer.concat([bytes, exhibit.endMark])]));
  }

  test('opens a session as its exhibit says', () => {
    const { playback } = opened();
    expect([playback.ready, playback.closed, playback.violations]).toEqual([true, false, []]);
  });

  describe('recorded conversations', () => {
    const files = readdirSync(exhibit.recordings).filter((file) => file.endsWith('.txt'));
    const read = (file: string): readonly TranscriptChunk[] =>
      readTranscript(readFileSync(new URL(file, exhibit.recordings), 'utf8'));

    test('there are some', () => {
      expect(files.length).toBeGreaterThan(0);
    });

    test.each(files)(
      '%s: whole, byte by byte and cut at every byte the same is sent, judged and finished',
      (file) => {
        const chunks = read(file);
        const whole = feed(open(), chunks);
        expect(whole.ready).toBe(true);
        expect(whole.violations).toEqual([]);
        const expected = outcomeOf(whole);
        const bytewise = feed(open(), chunks, (bytes) => Array.from(bytes, (byte) => Uint8Array.of(byte)));
        expect(outcomeOf(bytewise)).toEqual(expected);
        for (const [at, { bytes }] of chunks.entries()) {
          for (let place = 1; place < bytes.length; place += 1) {
            const cut = feed(open(), chunks, (chunk, index) =>
              index === at ? [chunk.slice(0, place), chunk.slice(place)] : [chunk],
            );
            if (outcomeOf(cut).join('\n') !== expected.join('\n'))
              expect([at, place, ...outcomeOf(cut)]).toEqual(expected);
          }
        }
      },
      120_000,
    );

    test.each(files)('%s: what masks hide came from the target and did not reach the agent', (file) => {
      const chunks = read(file);
      const said = Buffer.concat(chunks.filter(({ from }) => from === 'Target').map(({ bytes }) => bytes));
      const told = Buffer.from(feed(open(), chunks).sent('Agent'));
      const hidden = exhibit.hidden.filter((text) => said.includes(text));
      expect(hidden).not.toEqual([]);
      expect(hidden.filter((text) => told.includes(text))).toEqual([]);
    });

    test.each(files)('%s: cut off anywhere it ends without a throw or a broken rule', (file) => {
      const chunks = read(file);
      for (const at of chunks.keys()) {
        for (const side of ['Agent', 'Target'] as const) {
          const playback = feed(open(), chunks.slice(0, at));
          if (side === 'Agent') playback.agentLeft();
          else playback.targetLeft();
          expect([playback.closed, playback.violations]).toEqual([true, []]);
        }
      }
    });
  });

  describe('random bytes', () => {
    test('never make it throw or break a rule, at any moment', () => {
      const pieces = fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ minLength: 1, maxLength: 64 })), { maxLength: 5 });
      fc.assert(
        fc.property(fc.nat(exhibit.opening.length), pieces, (begun, noise) => {
          const playback = feed(open(), exhibit.opening.slice(0, begun));
          for (const [isAgent, bytes] of noise) feed(playback, [{ from: isAgent ? 'Agent' : 'Target', bytes }]);
          expect(playback.violations).toEqual([]);
        }),
        { seed: 20_266, numRuns: 300 },
      );
    });
  });

  describe('the largest frame', () => {
    const max = exhibit.frameBytesMin;
    test.each([
      [max - 1, true],
      [max, true],
      [max + 1, false],
    ])('of the agent: %d bytes', async (bytes, passes) => {
      const { playback, answers } = opened({ frameBytesMax: max });
      const command = exhibit.commandOf(bytes);
      expect(command).toHaveLength(bytes);
      playback.agent(command);
      expect(Buffer.from(playback.sent('Target')).includes(Buffer.from(command))).toBe(passes);
      expect(playback.closed).toBe(!passes);
      if (!passes) expect((await readAsClient(answers())).errors).toHaveLength(1);
    });

    test.each([
      [max - 1, true],
      [max, true],
      [max + 1, false],
    ])('of the target: %d bytes', async (bytes, passes) => {
      const { playback, answers } = opened({ frameBytesMax: max });
      playback.agent(exhibit.commandOf(32));
      playback.target(exhibit.answerOf(bytes));
      expect(playback.closed).toBe(!passes);
      const view = await readAsClient(answers());
      expect(view.complaints).toEqual([]);
      expect(view.errors).toHaveLength(passes ? 0 : 1);
    });
  });

  describe('commands that wait for answers', () => {
    const max = 4;
    test.each([
      [max - 1, max - 1],
      [max, max],
      [max + 1, max],
    ])('%d at once', (count, forwarded) => {
      const { playback } = opened({ pendingCommandsMax: max });
      for (let index = 0; index < count; index += 1) playback.agent(exhibit.commandOf(32));
      const sent = (): number => playback.trace.filter(({ kind }) => kind === 'Judge').length;
      expect(sent()).toBe(forwarded);
      // One that had to wait goes on as soon as there is room.
      playback.target(exhibit.plainAnswer);
      expect(sent()).toBe(count);
      expect([playback.closed, playback.violations]).toEqual([false, []]);
    });
  });

  describe('a refusal', () => {
    test('is an error that a client of the protocol reads, and the session goes on', async () => {
      const { playback, answers } = opened();
      playback.agent(exhibit.refusedCommand);
      expect(await readAsClient(answers())).toEqual({
        errors: [exhibit.refusalCode],
        turns: 1,
        complaints: [],
      });
      playback.agent(exhibit.commandOf(32));
      playback.target(exhibit.plainAnswer);
      expect(await readAsClient(answers())).toEqual({
        errors: [exhibit.refusalCode],
        turns: 2,
        complaints: [],
      });
      expect(Buffer.from(playback.sent('Target')).includes(Buffer.from(exhibit.refusedCommand))).toBe(false);
      expect([playback.closed, playback.violations]).toEqual([false, []]);
    });

    test('of a session that is ended is the last thing that a client reads', async () => {
      for (const isBusy of [false, true]) {
        const { playback, answers } = opened();
        if (isBusy) playback.agent(exhibit.commandOf(32));
        playback.terminate(exhibit.refusal, 'Killed');
        const view = await readAsClient(answers());
        expect([view.errors.length, view.turns, view.complaints]).toEqual([1, 0, []]);
        expect([playback.closed, playback.violations]).toEqual([true, []]);
      }
    });

    test('before the session is open ends it, at every byte of the opening', () => {
      const bytes = exhibit.opening.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
      for (let at = 0; at < bytes; at += 1) {
        let left = at;
        const begun = exhibit.opening.map((chunk) => {
          const taken = Math.min(left, chunk.bytes.length);
          left -= taken;
          return { ...chunk, bytes: chunk.bytes.slice(0, taken) };
        });
        const playback = feed(
          open(),
          begun.filter((chunk) => chunk.bytes.length > 0),
        );
        playback.terminate(exhibit.refusal, 'Refused');
        expect([playback.closed, playback.violations]).toEqual([true, []]);
      }
    });
  });
});

/** What each side was sent, and what was judged and how it ended. */
function outcomeOf(playback: Playback): readonly string[] {
  const notes = playback.trace.filter(({ kind }) => ['Judge', 'Finished', 'Close', 'Input'].includes(kind));
  return [
    Buffer.from(playback.sent('Agent')).toString('latin1'),
    Buffer.from(playback.sent('Target')).toString('latin1'),
    ...notes.map(({ kind, commandId, details }) => `${kind} ${commandId} ${details}`),
  ];
}
