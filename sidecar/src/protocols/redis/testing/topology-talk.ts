import { deepEqual, equal } from 'node:assert/strict';
import { type WrittenReply, writeReply } from '../written-reply.ts';
import { Talk } from './talk.ts';

/** Doors to some nodes; `cache.example` is the one that answers. */
const DOORS: Readonly<Record<string, number>> = {
  'node-1:6379': 7001,
  'node-2:6379': 7002,
  'node-2:6380': 7102,
  'cache.example:6381': 7003,
};
export const redirect = (host: string, port: number) => {
  const door = DOORS[`${host}:${port}`];
  return door === undefined ? undefined : { host: '127.64.0.9', port: door };
};

export const wire = (reply: WrittenReply | string, version: 2 | 3): string =>
  typeof reply === 'string' ? reply : Buffer.from(writeReply(reply, version)).toString('latin1');

/** What the agent is told when the server answers so, whole and byte by byte. */
export function told(
  command: string,
  reply: WrittenReply | string,
  version: 2 | 3,
  target: NonNullable<ConstructorParameters<typeof Talk>[0]>['target'] = {},
): string {
  const text = wire(reply, version);
  const [whole, cut] = [[text], text.split('')].map((pieces) => {
    const talk = new Talk({ version, agentTls: false, target: { redirect, ...target } });
    talk.agent(command, 'GET a');
    equal(talk.sent(), `${command}; GET a`);
    for (const piece of pieces) talk.server(piece);
    const answer = talk.told();
    talk.server('$1\r\n1\r\n');
    deepEqual([talk.told(), talk.finished().at(-1), talk.playback.violations], ['$1 1', 'Done', []]);
    return answer;
  });
  equal(cut, whole);
  return whole ?? '';
}

/** As the wire has it, line ends as spaces. */
export const shown = (reply: WrittenReply, version: 2 | 3): string =>
  wire(reply, version).replaceAll('\r\n', ' ').trimEnd();
