import type { Server, Socket } from 'node:net';

/**
 * Cuts what one address opens beyond `max` connections, before the handshake, which costs the most of each. Whoever reaches a port has an address of its own
 * in a cluster: so one pod takes no others' place, and not all of the memory.
 */
export function boundConnections(server: Pick<Server, 'on'>, max: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const caller = socket.remoteAddress ?? '';
    const count = (open.get(caller) ?? 0) + 1;
    if (count > max) {
      socket.destroy();
      return;
    }
    open.set(caller, count);
    socket.once('close', () => {
      const left = (open.get(caller) ?? 1) - 1;
      if (left === 0) open.delete(caller);
      else open.set(caller, left);
    });
  });
}
