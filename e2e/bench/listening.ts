import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEADLINE_MS } from '../support/processes.ts';

const AGAIN_MS = 5;

/** Resolves when something takes connections on `port` of 127.0.0.1. */
export async function untilListening(port: number, otherwise: () => string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await takesConnections(port))) {
    if (performance.now() > deadline) throw new Error(`nothing listens on port ${port}:\n${otherwise()}`);
    await sleep(AGAIN_MS);
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
