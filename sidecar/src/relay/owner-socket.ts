import { chmod, unlink } from 'node:fs/promises';
import { createServer } from 'node:http';

/** What a path answers: 200 when all is well, 503 when it is not. */
export type OwnerAnswer = () => Promise<{ readonly ok: boolean; readonly text: string }>;

/** Answers GET by path on a Unix socket that its owner alone may open: an open port would belong to the agent, too. */
export async function serveOwner(path: string, answers: Readonly<Record<string, OwnerAnswer>>): Promise<void> {
  await unlink(path).catch(() => {});
  const server = createServer((request, response) => {
    const { url = '' } = request;
    const answer = Object.hasOwn(answers, url) ? answers[url] : undefined;
    if (answer === undefined) {
      response.writeHead(404).end();
      return;
    }
    void answer().then(({ ok, text }) =>
      response.writeHead(ok ? 200 : 503, { 'content-type': 'text/plain; version=0.0.4' }).end(text),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
}
