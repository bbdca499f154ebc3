import { approvalsInCluster } from '../cluster/approvals-in-cluster.ts';
import { alsoInCluster } from '../cluster/cluster-command.ts';
import { decideInCluster } from '../cluster/decide-in-cluster.ts';
import type { Command } from '../command.ts';
import { APPROVALS } from './approvals.ts';
import { APPROVE, REFUSE } from './decide.ts';
import { KILL } from './kill.ts';
import { METRICS } from './metrics.ts';
import { owningCommand } from './owner-command.ts';

/** The commands that ask a running `sidegate run`; those about held commands ask a cluster as well. */
export const OWNER_COMMANDS: readonly Command[] = [
  alsoInCluster(owningCommand(APPROVALS), approvalsInCluster),
  alsoInCluster(owningCommand(APPROVE), decideInCluster('Approve')),
  alsoInCluster(owningCommand(REFUSE), decideInCluster('Deny')),
  owningCommand(KILL),
  owningCommand(METRICS),
];
