import { Code, ConnectError } from '@connectrpc/connect';
import { expect, test } from '@jest/globals';
import { encodeEvent, sealChunk } from '@sidegate/session';
import { sampleOpened } from '@sidegate/session/testing';
import { COMMANDS } from '../commands.ts';
import { runProgram } from '../program.ts';
import { serveReader } from '../testing/reader-socket.ts';
import { TestTerminal } from '../testing/test-terminal.ts';

const FRAME = { sessionId: 's1', gateId: 'g', firstSequence: 1, previousSha256: undefined, opens: true, closes: false };
const CHUNK = sealChunk({ ...FRAME, events: [encodeEvent(1, sampleOpened())] }).bytes;

test.each([
  [
    'and says was taken out of its index',
    ['Taken out.'],
    1,
    's0  NOT CONSISTENT\n    The store shows no chunk of it.\n    Taken out.\ns1  consistent',
  ],
  ['and said is well: retention took it meanwhile', [], 0, 's1  consistent'],
])('a session that the store does not have, %s', async (_name, faults, code, text) => {
  const socket = await serveReader({
    async *verify() {
      yield { sessionId: 's0', consistent: faults.length === 0, faults: [...faults] };
      yield { sessionId: 's1', consistent: true };
    },
    async *chunks({ sessionId }) {
      if (sessionId === 's0') throw new ConnectError('There is no session s0.', Code.NotFound);
      yield { chunk: CHUNK };
    },
  });
  const terminal = new TestTerminal();
  expect(await runProgram(COMMANDS, ['verify', '--all', '--socket', socket.path], terminal)).toBe(code);
  expect(terminal.written.startsWith(text)).toBe(true);
  await socket.close();
});
