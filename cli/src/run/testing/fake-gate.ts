import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Door, FromGate, ToGate } from '@sidegate/crds';

// Takes every snapshot, but for those with a Policy named `nack`; a door on any free port gets 40001. Ends before it answers once when the
// file `end-once` is in its state folder.
const state = process.argv[process.argv.indexOf('--state') + 1] ?? '';

function send(reply: FromGate): void {
  process.send?.(reply);
}

function listenerOf({ access, target, listen }: Door) {
  return { access, target, host: listen.host, port: listen.port === 0 ? 40_001 : listen.port };
}

process.on('message', (message: ToGate) => {
  if (message.kind === 'Stop') process.exit(0);
  const once = join(state, 'end-once');
  if (existsSync(once)) {
    rmSync(once);
    process.exit(3);
  }
  const { version, nonce, resources, doors } = message.snapshot;
  if (resources.policies.some(({ metadata }) => metadata.name === 'nack')) {
    send({ kind: 'Nack', version, nonce, faults: [{ code: 'CannotListen', message: 'The port is taken.' }] });
  } else send({ kind: 'Ack', version, nonce, listeners: doors.map(listenerOf) });
});
process.on('disconnect', () => process.exit(0));
