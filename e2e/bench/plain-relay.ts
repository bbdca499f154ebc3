import { connect, createServer, type Socket } from 'node:net';

/**
 * The least that a relay in Node.js can be: bytes from one socket are written to the other, and a side that cannot take more pauses
 * the other. What the gate costs is told against this. Started with the server's port; prints its own.
 */
const targetPort = Number(process.argv[2]);

function forward(from: Socket, to: Socket): void {
  from.setNoDelay(true);
  from.on('data', (bytes) => {
    if (!to.write(bytes)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroySoon());
}

const server = createServer((agent) => {
  const target = connect(targetPort, '127.0.0.1');
  forward(agent, target);
  forward(target, agent);
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => {
  const address = server.address();
  process.stdout.write(`port ${typeof address === 'object' ? address?.port : ''}\n`);
});
