import { chmod, unlink } from 'node:fs/promises';
import { createServer } from 'node:http';

/** Serves the metrics on a Unix socket that its owner alone may open: an open port would belong to the agent, too. */
export async function serveMetrics(path: string, render: () => Promise<string>): Promise<void> {
  await unlink(path).catch(() => {});
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    void render().then((text) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(text));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
}
