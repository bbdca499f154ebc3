import { Code, ConnectError } from '@connectrpc/connect';
import { assertNever, describeFault, type Fault } from '@sidegate/crds';
import { SessionVerifier, type Verification } from '@sidegate/session';
import type { Command, Given, Terminal } from '../command.ts';
import type { StoreClient } from '../store-client.ts';
import { readChunkFile } from './chunk-file.ts';
import { jsonLine } from './json-line.ts';
import { printable } from './printable.ts';
import { type ReadCommand, readingCommand } from './read-command.ts';

/** What a check of one session found. */
interface Verified {
  readonly sessionId: string;
  readonly consistent: boolean;
  readonly closed: boolean;
  readonly events: number;
  readonly chunks: number;
  /** Hex; empty when the session is not consistent. */
  readonly lastSha256: string;
  readonly anchored: boolean;
  readonly faults: readonly string[];
}

const STORED: ReadCommand = {
  name: 'verify',
  summary: 'Checks that records are whole and unchanged.',
  words: '[SESSION]',
  wordCount: { least: 0, most: 1 },
  options: {
    all: { type: 'flag', summary: 'All sessions of the store.' },
    file: { type: 'text', value: 'FILE', summary: 'A file that sidegate export wrote; no store is needed.' },
    expect: {
      type: 'text',
      value: 'SHA256',
      summary: 'The last hash, as it was noted elsewhere: it anchors the session.',
    },
  },
  details: `The chunks, which replay and export show, are fetched and checked here: one that was changed, moved or taken out of its
session is found. Without a hash that was kept elsewhere the answer is "consistent, not anchored": whoever can write the store's files could make
a record anew from its beginning, cut off its end, or take a session away whole from index and segments, and would not be found. What show, search and sessions tell comes from
the index and is not compared. Exit code 0: all that was checked is consistent (and fits --expect); 1: something is not.`,
  async work(client, given, terminal) {
    const [sessionId] = given.words;
    if ((sessionId === undefined) === !given.flag('all')) {
      return { code: 'BadUsage', message: 'Name one session, or give --all or --file.', where: 'sidegate verify' };
    }
    const expected = readExpected(given);
    if (typeof expected !== 'string') return expected;
    let well = true;
    let count = 0;
    for await (const stored of client.verify({ sessionId: sessionId ?? '' }, { signal: terminal.signal })) {
      const own = await checkHere(client, stored.sessionId, terminal.signal);
      // Retention takes sessions away while others are checked.
      if (own === undefined && stored.consistent) continue;
      const { faults: found, ...known } = own ?? brokenAt(stored.sessionId, 0, 0, 'The store shows no chunk of it.');
      const faults = [...new Set([...found, ...stored.faults])];
      const verified = { ...known, faults, consistent: known.consistent && stored.consistent };
      well = (await show(anchor(verified, expected), given, terminal)) && well;
      count += 1;
    }
    if (count === 0) terminal.err('There are no sessions.');
    return well ? 0 : 1;
  },
};

const readStored = readingCommand(STORED);

/** `sidegate verify`: of a store, or of a file without one. */
export const VERIFY: Command = {
  ...readStored,
  async run(given, terminal) {
    const file = given.text('file');
    if (file === undefined) return readStored.run(given, terminal);
    const expected = readExpected(given);
    const checked = typeof expected === 'string' ? await checkFile(file, given.words[0]) : expected;
    if ('code' in checked) {
      if (given.flag('json')) await terminal.out(jsonLine({ kind: 'Fault', ...checked }));
      terminal.err(`sidegate: ${describeFault(checked)}`);
      return checked.code === 'BadUsage' ? 2 : 1;
    }
    return (await show(anchor(checked, typeof expected === 'string' ? expected : ''), given, terminal)) ? 0 : 1;
  },
};

/** The hash to compare with, in lower case; empty when none was given. */
function readExpected(given: Given): string | Fault {
  const expected = (given.text('expect') ?? '').toLowerCase();
  if (expected === '' || (/^[0-9a-f]{64}$/u.test(expected) && !given.flag('all'))) return expected;
  return { code: 'BadUsage', message: 'A SHA-256 of one session has 64 hexadecimal digits.', where: '--expect' };
}

/** Undefined: the store has no such session. */
async function checkHere(client: StoreClient, sessionId: string, signal: AbortSignal): Promise<Verified | undefined> {
  const verifier = new SessionVerifier(sessionId);
  let chunks = 0;
  try {
    for await (const { chunk } of client.chunks({ sessionId }, { signal })) {
      verifier.add(chunk);
      chunks += 1;
    }
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    if (error.code === Code.NotFound) return undefined;
    // Chunks that the store itself cannot read are a finding of this session; others are still to be checked.
    if (error.code !== Code.DataLoss) throw error;
    return brokenAt(sessionId, chunks, chunksEnd(verifier), error.rawMessage);
  }
  return verifiedOf(sessionId, chunks, verifier.verdict());
}

async function checkFile(path: string, sessionId: string | undefined): Promise<Verified | Fault> {
  const verifier = new SessionVerifier(sessionId);
  let named = sessionId;
  let chunks = 0;
  for await (const chunk of readChunkFile(path)) {
    if (!chunk.ok) return chunk.fault;
    const opened = verifier.add(chunk.value);
    named ??= opened?.sessionId;
    chunks += 1;
  }
  return verifiedOf(named ?? '', chunks, verifier.verdict());
}

function chunksEnd(verifier: SessionVerifier): number {
  const verdict = verifier.verdict();
  return verdict.kind === 'Complete' || verdict.kind === 'Open' ? verdict.lastSequence : 0;
}

function verifiedOf(sessionId: string, chunks: number, verdict: Verification): Verified {
  switch (verdict.kind) {
    case 'Complete':
    case 'Open': {
      const lastSha256 = Buffer.from(verdict.lastSha256).toString('hex');
      const whole = { consistent: true, closed: verdict.kind === 'Complete', anchored: false };
      return { ...whole, sessionId, chunks, events: verdict.lastSequence, lastSha256, faults: [] };
    }
    case 'Gap':
      return brokenAt(sessionId, chunks, verdict.from - 1, `Events ${verdict.from} to ${verdict.to} are missing.`);
    case 'Broken':
      return brokenAt(sessionId, chunks, verdict.sequence - 1, `Event ${verdict.sequence}: ${verdict.reason}`);
    case 'Empty':
      return brokenAt(sessionId, chunks, 0, 'There are no chunks.');
    default:
      return assertNever(verdict);
  }
}

/** Not consistent: only the first `events` events hold. */
function brokenAt(sessionId: string, chunks: number, events: number, fault: string): Verified {
  const none = { consistent: false, closed: false, anchored: false, lastSha256: '' };
  return { ...none, sessionId, chunks, events, faults: [fault] };
}

function anchor(verified: Verified, expected: string): Verified {
  if (expected === '' || !verified.consistent) return verified;
  if (verified.lastSha256 === expected) return { ...verified, anchored: true };
  return { ...verified, consistent: false, faults: ['The last hash is not the one that was expected.'] };
}

async function show(verified: Verified, given: Given, terminal: Terminal): Promise<boolean> {
  const { sessionId, consistent, closed, anchored, events, chunks, lastSha256, faults } = verified;
  if (given.flag('json')) {
    await terminal.out(jsonLine({ kind: 'Verified', ...verified }));
    return consistent;
  }
  // A file names its session as it likes.
  const name = printable(sessionId);
  if (!consistent) {
    await terminal.out(`${name}  NOT CONSISTENT\n${faults.map((fault) => `    ${printable(fault)}\n`).join('')}`);
    return false;
  }
  const end = closed ? 'closed' : 'no end';
  await terminal.out(`${name}  consistent, ${anchored ? 'anchored' : 'not anchored'}, ${end}\n`);
  await terminal.out(`    ${events} events in ${chunks} chunks, last hash ${lastSha256}\n`);
  return true;
}
