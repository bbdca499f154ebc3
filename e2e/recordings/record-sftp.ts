import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { Playback } from '../../sidecar/src/protocols/playback.ts';
import { FrameReader, MessageReader, writeData, writeFrame } from '../../sidecar/src/protocols/ssh/codec.ts';
import { MESSAGE } from '../../sidecar/src/protocols/ssh/messages.ts';
import { SshSession } from '../../sidecar/src/protocols/ssh/session.ts';
import { sshExhibit } from '../../sidecar/src/protocols/ssh/testing/exhibit.ts';
import { type TranscriptChunk, writeTranscript } from '../../sidecar/src/protocols/transcript.ts';

/**
 * Makes the recording of SFTP anew with OpenSSH's own client and server on either side of a session: `node e2e/recordings/record-sftp.ts`. Read the
 * difference before you keep it.
 */
const HOME = '/tmp/sidegate-sftp';
const SERVER = '/usr/lib/openssh/sftp-server';
const LIMITS = { frameBytesMax: 1 << 20, pendingCommandsMax: 64, preparedMax: 64 };
const BATCH = [
  'ls -1',
  '-get letter got',
  'put new put',
  'mkdir directory',
  'rename put directory/put',
  'chmod 600 directory/put',
  'ln -s directory way',
  'rename way/put way/moved',
  '-rm way/moved',
  '-ls nowhere',
];

const chunks: TranscriptChunk[] = [];
const session = new SshSession({ ...sshExhibit.sessionOptions(LIMITS), shared: undefined });
const playback = new Playback(session, sshExhibit.answers);

/** What the session sent since, by side. */
const readers = { Agent: new FrameReader(1 << 20), Target: new FrameReader(1 << 20) };
const taken = { Agent: 0, Target: 0 };

/** The data among what was sent to one side. */
function dataFor(side: 'Agent' | 'Target'): Uint8Array {
  const sent = playback.sent(side);
  readers[side].feed(sent.subarray(taken[side]));
  taken[side] = sent.length;
  const parts: Uint8Array[] = [];
  for (let message = readers[side].next(); message !== undefined && message !== 'TooLarge'; ) {
    const reader = new MessageReader(message);
    reader.uint32();
    if (message[0] === MESSAGE.channelData) parts.push(Uint8Array.from(reader.bytes()));
    message = readers[side].next();
  }
  return Buffer.concat(parts);
}

function feed(from: 'Agent' | 'Target', bytes: Uint8Array): void {
  chunks.push({ from, bytes: Uint8Array.from(bytes) });
  if (from === 'Agent') playback.agent(bytes);
  else playback.target(bytes);
}

function prepare(): void {
  rmSync(HOME, { recursive: true, force: true });
  mkdirSync(`${HOME}/there`, { recursive: true });
  writeFileSync(`${HOME}/there/ada@example.com`, '');
  writeFileSync(`${HOME}/there/letter`, 'Dear Ada,\n');
  writeFileSync(`${HOME}/new`, 'something new\n');
  writeFileSync(`${HOME}/batch`, `${BATCH.join('\n')}\n`);
}

async function record(): Promise<void> {
  prepare();
  const server = spawn(SERVER, [], { cwd: `${HOME}/there`, stdio: ['pipe', 'pipe', 'inherit'] });
  for (const { from, bytes } of sshExhibit.opening.slice(0, 6)) feed(from, bytes);
  feed('Agent', writeFrame(MESSAGE.channelRequest, { uint32: 0 }, 'subsystem', true, 'sftp'));
  feed('Target', writeFrame(MESSAGE.channelSuccess, { uint32: 0 }));
  dataFor('Agent');
  dataFor('Target');
  const listener = createServer((socket) => {
    const pass = (): void => {
      server.stdin.write(dataFor('Target'));
      socket.write(dataFor('Agent'));
    };
    socket.on('data', (bytes) => {
      feed('Agent', writeData(0, false, bytes));
      pass();
    });
    server.stdout.on('data', (bytes: Buffer) => {
      feed('Target', writeData(0, false, bytes));
      pass();
    });
  });
  await new Promise<void>((resolve) => void listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const relay = `${HOME}/relay`;
  const program = `const s = require('node:net').connect(${port}); process.stdin.pipe(s); s.pipe(process.stdout);`;
  writeFileSync(relay, `#!/bin/sh\nexec '${process.execPath}' -e "${program}"\n`, { mode: 0o700 });
  const client = spawn('sftp', ['-S', relay, '-b', `${HOME}/batch`, 'build'], { cwd: HOME, stdio: 'inherit' });
  await new Promise<void>((resolve) => void client.once('exit', () => resolve()));
  const ends = ['channelEof', 'channelClose'] as const;
  feed('Agent', writeFrame(MESSAGE.channelEof, { uint32: 0 }));
  feed('Target', writeFrame(MESSAGE.channelRequest, { uint32: 0 }, 'exit-status', false, { uint32: 0 }));
  feed('Target', Buffer.concat(ends.map((end) => writeFrame(MESSAGE[end], { uint32: 0 }))));
  feed('Agent', writeFrame(MESSAGE.channelClose, { uint32: 0 }));
  server.kill();
  listener.close();
  process.stdout.write(`${playback.violations.join('\n')}\n`);
  const story =
    "OpenSSH's sftp and its server: a listing with a masked name, a file that masks keep from being read, one that is put, moved\nand changed, a link, a removal that is refused.";
  writeFileSync(new URL('sftp.txt', sshExhibit.recordings), writeTranscript(story, chunks));
  rmSync(HOME, { recursive: true, force: true });
}

await record();
process.exit(0);
