import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { FrameReader } from '../codec.ts';
import type { Attributes } from './attributes.ts';
import { type Answer, type Request, readAnswer, readRequest } from './codec.ts';
import { readGreeting, writeVersion } from './extensions.ts';
import { OPEN, PACKET, PACKET_BYTES_MAX } from './messages.ts';
import { writeAnswer, writeAttributes, writeHello, writeRequest, writeServerVersion } from './testing/packets.ts';

const RUNS = { seed: 20_266, numRuns: 300 };
const u32 = fc.nat(0xffffffff);
const offset = fc.maxSafeNat();
const path = fc.uint8Array({ maxLength: 40 });
const handle = fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const data = fc.uint8Array({ maxLength: 64 });
const attributes: fc.Arbitrary<Attributes> = fc
  .record(
    {
      size: offset,
      owner: fc.record({ uid: u32, gid: u32 }),
      permissions: u32,
      times: fc.record({ accessed: u32, modified: u32 }),
    },
    { requiredKeys: [] },
  )
  .map((some) => ({ ...some, extended: [] }));

const request: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ kind: fc.constant('Open' as const), path, flags: fc.nat(63), attributes }),
  fc.record({
    kind: fc.constant('Path' as const),
    operation: fc.constantFrom(
      ...(['lstat', 'opendir', 'remove', 'rmdir', 'realpath', 'stat', 'readlink', 'statvfs', 'expand-path'] as const),
    ),
    path,
  }),
  fc.record({
    kind: fc.constant('Set' as const),
    operation: fc.constantFrom(...(['mkdir', 'setstat', 'lsetstat'] as const)),
    path,
    attributes,
  }),
  fc.record({
    kind: fc.constant('Pair' as const),
    operation: fc.constantFrom(...(['rename', 'posix-rename', 'symlink', 'hardlink'] as const)),
    paths: fc.tuple(path, path),
  }),
  fc.record({ kind: fc.constantFrom(...(['Close', 'Fstat', 'Readdir', 'Fsync', 'Fstatvfs'] as const)), handle }),
  fc.record({ kind: fc.constant('Fsetstat' as const), handle, attributes }),
  fc.record({ kind: fc.constant('Read' as const), handle, offset, length: u32 }),
  fc.record({ kind: fc.constant('Write' as const), handle, offset, data }),
  fc.record({ kind: fc.constant('CopyData' as const), from: handle, to: handle, length: offset }),
  fc.constant({ kind: 'Limits' as const }),
  fc.record({ kind: fc.constant('HomeDirectory' as const), user: fc.string() }),
  fc.constant({ kind: 'UsersGroups' as const }),
);

const answer: fc.Arbitrary<Answer> = fc.oneof(
  fc.record({ kind: fc.constant('Status' as const), code: u32, text: fc.string() }),
  fc.record({ kind: fc.constant('Handle' as const), handle }),
  fc.record({ kind: fc.constant('Data' as const), data }),
  fc.record({
    kind: fc.constant('Names' as const),
    names: fc.array(fc.record({ name: path, long: path, attributes: attributes.map(writeAttributes) }), {
      maxLength: 4,
    }),
  }),
  fc.record({ kind: fc.constant('Attributes' as const), attributes }),
  fc.record({ kind: fc.constant('Reply' as const), body: data }),
);

/** What is behind the length. */
const body = (packet: Uint8Array): Uint8Array => packet.subarray(4);
/** The same with bytes of any class as one. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}

describe('what is written is read', () => {
  test('requests', () => {
    fc.assert(
      fc.property(u32, request, (id, asked) => {
        expect(plain(readRequest(body(writeRequest(id, asked))))).toEqual(plain({ id, request: asked }));
      }),
      RUNS,
    );
  });

  test('answers', () => {
    fc.assert(
      fc.property(u32, answer, (id, said) => {
        expect(plain(readAnswer(body(writeAnswer(id, said))))).toEqual(plain({ id, answer: said }));
      }),
      RUNS,
    );
  });
});

describe('what is cut short or has more behind it is malformed', () => {
  test('requests, at every byte', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const packet = body(writeRequest(7, asked));
        for (let end = 0; end < packet.length; end += 1) {
          // Cut in its name an extension is another one, which is refused.
          const read = readRequest(packet.subarray(0, end));
          expect(read === undefined || read.request.kind === 'Unsupported').toBe(true);
        }
        expect(readRequest(Buffer.concat([packet, Buffer.from('x')]))).toBeUndefined();
      }),
      { ...RUNS, numRuns: 100 },
    );
  });

  test('answers, at every byte', () => {
    fc.assert(
      fc.property(answer, (said) => {
        // A status may end behind its code, and what an extension answers has no end of its own.
        if (said.kind === 'Status' || said.kind === 'Reply') return;
        const packet = body(writeAnswer(7, said));
        for (let end = 0; end < packet.length; end += 1) expect(readAnswer(packet.subarray(0, end))).toBeUndefined();
        expect(readAnswer(Buffer.concat([packet, Buffer.from('x')]))).toBeUndefined();
      }),
      { ...RUNS, numRuns: 100 },
    );
  });

  test('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(PACKET)), fc.uint8Array({ maxLength: 64 }), (type, rest) => {
        const packet = Uint8Array.of(type, ...rest);
        readRequest(packet);
        readAnswer(packet);
        readGreeting(packet, type);
      }),
      { ...RUNS, numRuns: 2_000 },
    );
  });
});

describe('packets', () => {
  test('are the same however they are cut', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 4 }), fc.nat(16), (asked, size) => {
        const stream = Buffer.concat(asked.map((one, id) => writeRequest(id, one)));
        const reader = new FrameReader(PACKET_BYTES_MAX);
        const read: unknown[] = [];
        for (let at = 0; at < stream.length; at += size + 1) {
          reader.feed(stream.subarray(at, at + size + 1));
          for (let next = reader.next(); next !== undefined && next !== 'TooLarge'; next = reader.next()) {
            read.push(readRequest(next)?.request);
          }
        }
        expect(plain(read)).toEqual(plain(asked));
      }),
      RUNS,
    );
  });

  test.each([
    [PACKET_BYTES_MAX - 1, false],
    [PACKET_BYTES_MAX, false],
    [PACKET_BYTES_MAX + 1, true],
  ])('of %d bytes: too large is %s', (bytes, isTooLarge) => {
    const reader = new FrameReader(PACKET_BYTES_MAX);
    const packet = Buffer.alloc(4 + bytes);
    packet.writeUInt32BE(bytes);
    reader.feed(packet);
    expect(reader.next() === 'TooLarge').toBe(isTooLarge);
  });
});

describe('what is not understood is said to be so', () => {
  const noAttributes = { extended: [] };
  test.each<readonly [string, Uint8Array, string]>([
    ['a packet of a later version', Uint8Array.of(22, 0, 0, 0, 1), 'a packet of type 22'],
    [
      'an extension that nobody knows',
      body(writeRequest(1, { kind: 'Unsupported', what: 'the extension md5-hash' })),
      'the extension md5-hash',
    ],
    [
      'flags that nobody knows',
      body(writeRequest(1, { kind: 'Open', path: Buffer.from('/x'), flags: OPEN.read | 64, attributes: noAttributes })),
      'an open with flags 0x41',
    ],
    [
      'attributes that nobody knows',
      body(
        writeRequest(1, {
          kind: 'Set',
          operation: 'setstat',
          path: Buffer.from('/x'),
          attributes: { extended: ['acl@example.com'] },
        }),
      ),
      'the attribute acl@example.com',
    ],
  ])('%s', (_name, packet, what) => {
    expect(readRequest(packet)).toEqual({ id: 1, request: { kind: 'Unsupported', what } });
  });

  test('an offset that no file has is malformed', () => {
    const packet = body(writeRequest(1, { kind: 'Read', handle: 'h', offset: 0, length: 1 })).slice();
    packet.fill(255, 10, 18);
    expect(readRequest(packet)).toBeUndefined();
  });
});

describe('the greeting', () => {
  test('of an agent', () => {
    expect(readGreeting(body(writeHello(6)), PACKET.init)).toEqual({ version: 6, extensions: [] });
    expect(readGreeting(body(writeHello()), PACKET.version)).toBeUndefined();
    expect(readGreeting(body(writeHello()).subarray(0, 4), PACKET.init)).toBeUndefined();
  });

  test('of a server keeps the extensions that are understood, in the version that is', () => {
    const said = readGreeting(
      body(
        writeServerVersion([
          ['posix-rename@openssh.com', '1'],
          ['statvfs@openssh.com', '9'],
          ['vendor-id', 'x'],
          ['limits@openssh.com', '1'],
        ]),
      ),
      PACKET.version,
    );
    if (said === undefined) throw new Error('not read');
    expect(readGreeting(body(writeVersion(said)), PACKET.version)?.extensions).toEqual([
      ['posix-rename@openssh.com', '1'],
      ['limits@openssh.com', '1'],
    ]);
  });
});
