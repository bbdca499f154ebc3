import crypto from 'ssh2/lib/protocol/crypto.js';
import type { Protocol, ProtocolSession, SessionOptions } from '../protocol.ts';
import type { HostKey } from './host-key.ts';
import { SshSession } from './session.ts';
import { SshTransport } from './transport.ts';

/** SSH on both sides of the gate. `hostKey`: what agents know the gate by. */
export async function openSsh(hostKey: HostKey): Promise<{ readonly protocol: Protocol; readonly shared: unknown }> {
  await crypto.init;
  return {
    shared: undefined,
    protocol: {
      name: 'SSH',
      openSession: (options: SessionOptions): ProtocolSession => new SshSession(options),
      openTransport: (side, options, end) => new SshTransport(options, end, side === 'Agent' ? hostKey : undefined),
    },
  };
}
