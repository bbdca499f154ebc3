import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HeldApproval } from '@sidegate/crds';
import type pg from 'pg';
import { askRun } from '../../cli/src/owner/owner-client.ts';
import { runSocketIn } from '../../cli/src/state-folder.ts';
import { clientError } from '../client-error.ts';
import type { Stage } from '../stage.ts';
import { untilFound } from '../support/until-found.ts';

/** A policy of the data's side from rules and limits in YAML's flow style. */
export function policyFile({
  rules = [],
  limits = [],
}: {
  readonly rules?: readonly string[];
  readonly limits?: readonly string[];
}): string {
  const list = (name: string, items: readonly string[]): string =>
    items.length === 0 ? '' : `  ${name}:\n${items.map((item) => `    - ${item}\n`).join('')}`;
  return `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  selector: {targetRefs: [{name: orders-db}]}
  mode: Enforce
${list('rules', rules)}${list('limits', limits)}`;
}

/** Writes who the user of `sidegate run` is, in place of what stood there. */
export async function setOwner(stage: Stage, subject: string, groups: readonly string[]): Promise<void> {
  const text = readFileSync(join(stage.folder, 'configuration.yaml'), 'utf8').replace(/^owner:.*\n/mu, '');
  await stage.change({ 'configuration.yaml': `${text}owner: {subject: ${subject}, groups: [${groups.join(', ')}]}\n` });
}

/** What waits now, asked as `sidegate approvals` asks. */
export async function approvals({ state }: Pick<Stage, 'state'>): Promise<readonly HeldApproval[]> {
  const asked = await askRun(runSocketIn(state), { kind: 'Approvals' });
  if (!asked.ok) throw new Error(asked.fault.message);
  return asked.value.approvals.filter(({ state: stands }) => stands === 'Pending');
}

/** The first approval that waits, once one does. */
export function waiting(stage: Pick<Stage, 'state'>): Promise<HeldApproval> {
  return untilFound('nothing waits', async () => (await approvals(stage))[0]);
}

/** Resolves once nothing waits any more. */
export async function nothingWaits(stage: Stage): Promise<void> {
  await untilFound('something still waits', async () => (await approvals(stage)).length === 0 || undefined);
}

/** Decides as `sidegate approve` and `sidegate refuse` do: the state after it, or the code of the fault. */
export async function decide(
  { state }: Stage,
  verdict: 'Approve' | 'Refuse',
  approval: string,
  reason = '',
): Promise<string> {
  const decided = await askRun(runSocketIn(state), { kind: 'Decide', approval, verdict, reason });
  return decided.ok ? decided.value.approval.state : decided.fault.code;
}

/** What a client is told in the end: the row count, or the error's code and detail. */
export function ending(query: Promise<pg.QueryResult>): Promise<string> {
  return query.then(
    ({ rowCount }) => `${rowCount} rows`,
    (error: unknown) => {
      const { code, detail } = clientError(error);
      return `${code}: ${detail}`;
    },
  );
}
