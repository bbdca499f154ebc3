import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { whyNoNamespace } from '../support/network-namespace.ts';
import { runProcess } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { testGiven } from '../support/test-given.ts';
import { SSH_LANE } from './lanes/ssh.ts';
import { SSH_HALF_OPEN } from './ssh-half-open.ts';

const TIMEOUT_MS = 300_000;
const MAIN = join(import.meta.dirname, 'main.ts');
/** A network whose kernel repeats for 13 s what nobody acknowledges, and not for 16 minutes as by default: the setting belongs to the namespace. */
const IMPATIENT = 'ip link set lo up && echo 5 > /proc/sys/net/ipv4/tcp_retries2';

const why = SSH_LANE.needs ?? whyNoNamespace(['ip', 'iptables'], `${IMPATIENT} && iptables -w -S INPUT`);

testGiven(why === undefined, `peers of SSH that vanish in the middle of output: ${why}`)(
  `${SSH_HALF_OPEN.name}, in a network of its own: ${SSH_HALF_OPEN.promise}`,
  async () => {
    using folder = temporaryFolder('faults');
    const words = [MAIN, '--kills', '1', '--only', SSH_HALF_OPEN.name, '--json', folder.file('result')];
    const inside = ['--net', 'sh', '-c', `${IMPATIENT} && exec "$@"`, 'sh', process.execPath, ...words];
    const { stdout } = await runProcess('unshare', inside, {
      env: { NODE_OPTIONS: undefined },
      deadlineMs: TIMEOUT_MS,
    });
    expect(stdout).toContain(`ok     ${SSH_HALF_OPEN.name}`);
    const results: unknown = JSON.parse(readFileSync(folder.file('result'), 'utf8'));
    const figures = { forwardedUnrecorded: 0, receivedUnrecorded: 0, unmarked: 0, verified: true };
    expect(results).toMatchObject([{ ok: true, complaints: [], figures }]);
  },
  TIMEOUT_MS,
);
