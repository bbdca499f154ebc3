import { request } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** The start-up probe: exits 0 when the gate of this pod is started, 1 when it is not, with the reason on standard error. */
const TIMEOUT_MS = 2_000;

const { values } = parseArgs({ options: { state: { type: 'string', default: '/var/lib/sidegate' } } });

function fail(why: string): void {
  process.stderr.write(`${why}\n`);
  process.exitCode = 1;
}

const asked = request({ socketPath: join(values.state, 'gate.sock'), path: '/started', timeout: TIMEOUT_MS });
asked.on('timeout', () => asked.destroy(new Error('the gate does not answer')));
asked.on('error', (error) => fail(error.message));
asked.on('response', (response) => {
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (part: string) => {
    text += part;
  });
  response.on('end', () => {
    if (response.statusCode !== 200) fail(text);
  });
});
asked.end();
