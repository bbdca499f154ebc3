import { describeFault, type Fault } from '@sidegate/crds';
import type { Command, CommandOption, Given, Terminal } from '../command.ts';
import { jsonLine } from '../read/json-line.ts';
import { type Kubectl, runKubectl } from './kubectl.ts';

/** The same command for the held commands of a cluster. */
export type ClusterWork = (kubectl: Kubectl, given: Given, terminal: Terminal) => Promise<number | Fault>;

/** Which cluster is meant: passed on to kubectl. */
export const KUBECTL_OPTIONS: Readonly<Record<string, CommandOption>> = {
  kubeconfig: { type: 'text', value: 'FILE', summary: 'Passed on to kubectl.' },
  context: { type: 'text', value: 'NAME', summary: 'Passed on to kubectl.' },
};

const OPTIONS: Readonly<Record<string, CommandOption>> = {
  namespace: {
    type: 'text',
    short: 'n',
    value: 'NAMESPACE',
    summary: 'In a cluster: the namespace of the Policy that asks; kubectl is used.',
  },
  'all-namespaces': { type: 'flag', short: 'A', summary: 'In a cluster: of every namespace.' },
  ...KUBECTL_OPTIONS,
};

/** A command that works on one machine, or in a cluster when a namespace is named. */
export function alsoInCluster(local: Command, work: ClusterWork, kubectl: Kubectl = runKubectl): Command {
  const { 'all-namespaces': everywhere, ...others } = OPTIONS;
  const options = local.wordCount === undefined ? { ...others, 'all-namespaces': everywhere } : others;
  return {
    ...local,
    options: { ...local.options, ...(options as Readonly<Record<string, CommandOption>>) },
    async run(given, terminal) {
      if (given.text('namespace') === undefined && !given.flag('all-namespaces')) return local.run(given, terminal);
      const ended = await work(passingOn(kubectl, given), given, terminal);
      if (typeof ended === 'number') return ended;
      if (given.flag('json')) await terminal.out(jsonLine({ kind: 'Fault', ...ended }));
      terminal.err(`sidegate: ${describeFault(ended)}`);
      return ended.code === 'Usage' ? 2 : 1;
    },
  };
}

function passingOn(kubectl: Kubectl, given: Given): Kubectl {
  return (parameters, signal) => kubectl([...parameters, ...kubectlFlags(given), '--output=json'], signal);
}

/** KUBECTL_OPTIONS as they were given. */
export function kubectlFlags(given: Given): readonly string[] {
  return Object.keys(KUBECTL_OPTIONS).flatMap((name) => {
    const value = given.text(name);
    return value === undefined ? [] : [`--${name}=${value}`];
  });
}
