import { type Command, JSON_OPTION } from '../../command.ts';
import { jsonLine } from '../../read/json-line.ts';
import { KUBECTL_OPTIONS, kubectlFlags } from '../cluster-command.ts';
import { askRight, type Kubectl, type MayCaller, runKubectl } from '../kubectl.ts';
import type { AskedCluster } from './asked-cluster.ts';
import { checkInstalled } from './check-installed.ts';
import { checkBefore, checkReach } from './check-server.ts';
import { findingLine } from './finding.ts';

const DETAILS = `
A line for each check: "ok    what", "warn  what: why; mend" or "FAIL  what: why; mend". What cannot be read counts as failed.
Nothing is changed. Exit codes: 0 nothing failed, 1 something failed, 2 wrongly called.

  kubectl sidegate check --pre      before the installation
  kubectl sidegate check            after it, and whenever something seems wrong
`;

/** `sidegate check`: whether a cluster can take the chart, or whether the installation works. */
export function checkCommand(kubectl: Kubectl, mayCaller: MayCaller, nowMs: () => number): Command {
  return {
    name: 'check',
    summary: 'Says whether Sidegate works in a cluster, or can be installed there.',
    options: {
      pre: { type: 'flag', summary: 'Before the installation: whether the cluster and your rights are enough.' },
      namespace: {
        type: 'text',
        short: 'n',
        value: 'NAMESPACE',
        default: 'sidegate-system',
        summary: 'The namespace of the operator.',
      },
      ...KUBECTL_OPTIONS,
      json: JSON_OPTION,
    },
    details: DETAILS,
    async run(given, terminal) {
      const cluster: AskedCluster = {
        kubectl,
        mayCaller,
        flags: kubectlFlags(given),
        namespace: given.text('namespace') ?? '',
        signal: terminal.signal,
        nowMs: nowMs(),
      };
      const { reached, findings } = await checkReach(cluster);
      const more = !reached ? [] : given.flag('pre') ? await checkBefore(cluster) : await checkInstalled(cluster);
      const all = [...findings, ...more];
      for (const one of all)
        await terminal.out(given.flag('json') ? jsonLine({ kind: 'Check', ...one }) : findingLine(one));
      return all.some(({ level }) => level === 'fail') ? 1 : 0;
    },
  };
}

/** The command with the kubectl that is there. */
export const CHECK_COMMAND: Command = checkCommand(runKubectl, askRight, Date.now);
