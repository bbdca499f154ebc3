import { type ClusterCase, must } from '../case.ts';
import type { Ended } from '../cluster.ts';
import { AGENT, type Stage } from '../cluster-stage.ts';

export const AS_JANE = ['--as=jane', '--as-group=dba', '--as-group=system:authenticated'] as const;
/** May write decisions, but the rule names another group. */
const AS_MALLORY = ['--as=mallory', '--as-group=interns', '--as-group=system:authenticated'] as const;
const AGENT_USER = `system:serviceaccount:agents:${AGENT}`;

/** Held commands, decided with kubectl. */
export const APPROVAL_CASES: readonly ClusterCase[] = [
  {
    name: 'held',
    what: 'a write without WHERE waits, is approved with kubectl by who may, and then runs',
    needs: ['injected'],
    run: async (stage) => {
      await stage.cluster.apply(stage.example('approvers'));
      const waiting = stage.psql("UPDATE orders SET status = 'shipped'");
      const request = await oneWaiting(stage);
      const before = await stage.postgresLog();
      must(!before.includes('UPDATE orders SET'), 'the server saw it before anybody approved');
      const decided = await decide(stage, request, 'jane', AS_JANE);
      must(decided.code === 0, 'jane may not decide', decided);
      const { code, stderr } = await waiting;
      must(code === 0, 'it did not run after its approval', stderr);
      must((await stage.postgresLog()).includes('UPDATE orders SET'), 'the server did not see it');
    },
  },
  {
    name: 'not-approved',
    what: 'who has no right, who is no approver of the rule, and the agent itself cannot approve; refused is refused',
    needs: ['held'],
    run: async (stage) => {
      const waiting = stage.psql('DELETE FROM orders');
      const request = await oneWaiting(stage);
      const stranger = await decide(stage, request, 'mallory', AS_MALLORY);
      must(stranger.code !== 0, 'who has no right wrote a decision', stranger);
      const itself = await decide(stage, request, AGENT_USER, [`--as=${AGENT_USER}`]);
      must(itself.code !== 0, 'the agent wrote a decision', itself);
      const another = await decide(stage, request, 'john', AS_JANE);
      must(another.code !== 0, 'jane wrote in the name of john', another);
      const refused = await decide(stage, request, 'jane', AS_JANE, 'Deny');
      must(refused.code === 0, 'jane may not refuse', refused);
      const { code, stderr } = await waiting;
      must(code !== 0 && stderr.includes('refused'), 'it was not refused', stderr);
      must(!(await stage.postgresLog()).includes('DELETE FROM orders'), 'the server saw it');
    },
  },
];

/** The name of the one ApprovalRequest that nobody has decided. */
export function oneWaiting(stage: Stage): Promise<string> {
  return stage.cluster.until('a command waits', async () => {
    const template = '{range .items[*]}{.metadata.name} {.status.decisions}{"\\n"}{end}';
    const text = await stage.cluster.kubectl('get', 'approvalrequests', '-n', 'data', '-o', `jsonpath=${template}`);
    // Whoever decided one before has decided it for good.
    const open = text.split('\n').find((line) => line !== '' && !line.includes('{'));
    return open?.trim();
  });
}

export function decide(
  stage: Stage,
  request: string,
  user: string,
  as: readonly string[],
  action: 'Approve' | 'Deny' = 'Approve',
): Promise<Ended> {
  const entry = { action, reason: 'as agreed', decidedAt: new Date().toISOString(), groups: ['dba'] };
  const patch = JSON.stringify({ status: { decisions: { [user]: entry } } });
  const what = ['patch', 'approvalrequests.sidegate.dev', request, '-n', 'data', '--subresource=status'];
  return stage.cluster.try([...what, '--type=merge', '-p', patch, ...as]);
}
