import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bind, execute, parse, query, sync } from '../../sidecar/src/protocols/postgres/testing/frames.ts';
import { openStage, type Stage } from '../stage.ts';
import { tagsOf, WireAgent } from '../wire-agent.ts';
import { decide, nothingWaits, policyFile, setOwner, waiting } from './owner.ts';

const LIMIT_MS = 180_000;
const MIB = 1024 * 1024;
const AHEAD = 32;
const POLICY = policyFile({
  rules: [
    '{name: ask, match: {postgres: {statements: [DELETE]}}, action: RequireApproval, reason: A human looks., approval: {approvers: {groups: [dba]}, timeoutSeconds: 600}}',
  ],
});
const LARGE = Buffer.concat([bind('', 'size', ['x'.repeat(MIB)]), execute(''), sync]);

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ files: { 'policy.yaml': POLICY } });
  await setOwner(stage, 'dana', ['dba']);
}, LIMIT_MS);
afterAll(() => stage?.stop(), LIMIT_MS);

/** An agent whose DELETE waits for somebody, and the approval; 32 MiB are on their way behind it. */
async function sendAhead(): Promise<{ readonly agent: WireAgent; readonly approval: string }> {
  const agent = await WireAgent.open(stage);
  agent.send(parse('size', 'SELECT length($1::text)'), sync);
  await agent.untilReady();
  agent.send(query('DELETE FROM orders WHERE id = -1'));
  const { id } = await waiting(stage);
  for (let count = 0; count < AHEAD; count++) agent.send(LARGE);
  return { agent, approval: id };
}

async function endOfLatest(): Promise<unknown> {
  const [latest] = await stage.drained(([first]) => Number(first?.['closedUs']) > 0);
  return latest?.['closeCode'];
}

test(
  'what an agent sends ahead of a held command waits in its socket, and is answered once the command may pass',
  async () => {
    const { agent, approval } = await sendAhead();
    using _closed = agent;
    expect(agent.socket.writableLength).toBeGreaterThan(0);
    expect(await decide(stage, 'Approve', approval)).toBe('Approved');
    expect(tagsOf(await agent.untilReady())).toBe('NCZ');
    for (let count = 0; count < AHEAD; count++) expect(tagsOf(await agent.untilReady())).toBe('2DCZ');
  },
  LIMIT_MS,
);

test(
  'one that leaves behind all that is noticed though it is not read, and nothing waits for its command any longer',
  async () => {
    const { agent } = await sendAhead();
    agent.socket.destroy();
    await nothingWaits(stage);
    expect(await endOfLatest()).toBe('AgentLeft');
  },
  LIMIT_MS,
);

test(
  'one that is not read is ended like any other',
  async () => {
    const { agent } = await sendAhead();
    using _closed = agent;
    expect((await stage.cli('kill', '--subject', 'support-bot')).code).toBe(0);
    expect((await agent.untilClosed()).toString('latin1')).toContain('57P01');
    await nothingWaits(stage);
    expect(await endOfLatest()).toBe('Killed');
  },
  LIMIT_MS,
);

test.each([
  ['a gibibyte is announced', 1 << 30],
  ['one byte too many is announced', 80 * MIB],
])(
  'a message that is too large to be held ends its session at once, and no other: %s',
  async (_what, length) => {
    using other = await WireAgent.open(stage);
    using agent = await WireAgent.open(stage);
    const head = Buffer.from(query('').subarray(0, 5));
    head.writeUInt32BE(length, 1);
    agent.send(head);
    expect((await agent.untilClosed()).toString('latin1')).toContain('larger than the gate takes');
    other.send(query('SELECT 1'));
    expect(tagsOf(await other.untilReady())).toBe('TDCZ');
  },
  LIMIT_MS,
);
