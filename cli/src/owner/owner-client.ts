import { lstatSync } from 'node:fs';
import { connect } from 'node:net';
import { type Fault, fail, type GateAnswer, ok, type Result } from '@sidegate/crds';
import { errorCode } from '../run/system-error.ts';
import type { OwnerRequest } from './owner-request.ts';

export type OwnerClientFault = Fault<'NotRunning' | 'NotOwner' | 'NoAnswer'>;

type AnswerOf<Request extends OwnerRequest> = Extract<
  GateAnswer,
  { kind: { Approvals: 'Approvals'; Decide: 'Decided'; Kill: 'Killed'; Metrics: 'Metrics' }[Request['kind']] }
>;

/** Asks `sidegate run` one thing. Faults: NotRunning, nobody serves the socket; NotOwner, it belongs to another user; or the gate's own. */
export async function askRun<Request extends OwnerRequest>(
  socketPath: string,
  request: Request,
): Promise<Result<AnswerOf<Request>, Fault>> {
  const line = await exchange(socketPath, `${JSON.stringify(request)}\n`);
  if (!line.ok) return line;
  const answer = readAnswer(line.value);
  if (answer === undefined) return fail(noAnswer(socketPath));
  if (answer.kind === 'Fault') return fail(answer);
  return ok(answer as AnswerOf<Request>);
}

function exchange(path: string, line: string): Promise<Result<string, OwnerClientFault>> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const parts: Buffer[] = [];
    socket.once('connect', () => socket.write(line));
    socket.on('data', (bytes: Buffer) => parts.push(bytes));
    socket.once('error', (error) => resolve(fail(reachFault(path, error))));
    socket.once('end', () => {
      socket.end();
      resolve(ok(Buffer.concat(parts).toString()));
    });
  });
}

function readAnswer(line: string): GateAnswer | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'kind' in value ? (value as GateAnswer) : undefined;
  } catch {
    return undefined;
  }
}

function reachFault(path: string, error: Error): OwnerClientFault {
  const code = errorCode(error);
  if (code === 'EACCES' || code === 'EPERM') {
    const mend = 'Run this as the user who runs sidegate run.';
    return { code: 'NotOwner', message: 'Only its own user may use this socket.', where: path, mend };
  }
  const there = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  if (there && code !== 'ECONNREFUSED') return noAnswer(path);
  return {
    code: 'NotRunning',
    message: there ? 'sidegate run has ended here.' : 'sidegate run does not run here.',
    where: path,
    mend: 'Start it, or name its state folder with --state.',
  };
}

function noAnswer(path: string): OwnerClientFault {
  return { code: 'NoAnswer', message: 'sidegate run did not answer.', where: path, mend: 'Try again.' };
}
