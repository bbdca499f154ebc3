import { spawn } from 'node:child_process';
import { BOTS, type Ground, MALLORY, VICTIM } from './ground.ts';
import type { Outcome } from './outcome.ts';

/** The attacker forwards a port of the victim; it succeeded when kubectl listens for it. */
export function portForward({ stage }: Ground): Promise<Outcome> {
  const { program, kubeconfig } = stage.cluster;
  const parameters = ['--kubeconfig', kubeconfig, `--as=${MALLORY}`, 'port-forward', '-n', BOTS, VICTIM, ':53'];
  return new Promise((resolve) => {
    const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    let succeeded = false;
    const hear = (text: string): void => {
      said += text;
      if (!said.includes('Forwarding from')) return;
      succeeded = true;
      child.kill('SIGTERM');
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    child.on('error', (error) => resolve({ succeeded: false, said: error.message }));
    child.on('close', () => resolve({ succeeded, said }));
  });
}
