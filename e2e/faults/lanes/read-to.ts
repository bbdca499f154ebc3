import type { Socket } from 'node:net';

const END_BYTES = 6;

/** Reads from a socket that was paused, until `isOver` holds for how many bytes came and the last six of them. */
export function readTo(
  socket: Socket,
  piece: (bytes: Uint8Array) => void,
  isOver: (bytes: number, end: Buffer) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let end: Buffer = Buffer.alloc(0);
    socket.once('close', () => reject(new Error(`the connection was closed after ${bytes} bytes`)));
    socket.on('data', (chunk: Buffer) => {
      piece(chunk);
      bytes += chunk.length;
      end = Buffer.concat([end.subarray(-END_BYTES), chunk.subarray(-END_BYTES)]).subarray(-END_BYTES);
      if (isOver(bytes, end)) resolve();
    });
    socket.resume();
  });
}
