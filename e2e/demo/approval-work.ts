import { once } from 'node:events';
import { setOwner, waiting } from '../run/owner.ts';
import type { Stage } from '../stage.ts';
import { type Answer, ask, describeAnswer } from './agent-work.ts';
import type { Outcomes } from './outcomes.ts';

const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: second-look, namespace: data}
spec:
  rules:
    - name: deletes
      match: {postgres: {statements: [DELETE]}}
      action: RequireApproval
      reason: A second pair of eyes on every delete.
      approval: {approvers: {groups: [dba]}, timeoutSeconds: 600}
`;

/** Commands that wait for a human: one is approved, one refused, from outside, as a second terminal would; then a session is ended. */
export async function waitForPeople(
  stage: Stage,
  outcomes: Outcomes,
  show: (side: string, text: string) => void,
): Promise<void> {
  await setOwner(stage, 'dana', ['dba']);
  await stage.change({ 'second-look.yaml': POLICY });
  const agent = await stage.connect({ application_name: 'demo-agent' });
  const other = await stage.connect({ application_name: 'demo-other' });
  const notice = once(agent, 'notice');
  const approved = ask(agent, 'DELETE FROM orders WHERE id = 20');
  const [{ message, hint }] = (await notice) as [{ readonly message?: string; readonly hint?: string }];
  show('agent', `DELETE FROM orders WHERE id = 20\n${message ?? ''}\n${hint ?? ''}`);
  const { id } = await waiting(stage);
  outcomes.expect(
    'a DELETE waits, and the agent is told how it can be approved',
    (hint ?? '').includes(`sidegate approve ${id}`),
    hint,
  );
  const meanwhile = await ask(other, 'SELECT count(*) FROM orders WHERE id = 20');
  outcomes.expect(
    'another session works meanwhile, and sees that nothing was deleted',
    isCount(meanwhile, '1'),
    meanwhile,
  );
  const { stdout } = await stage.cli('approvals');
  outcomes.expect('sidegate approvals shows it', stdout.includes(id), stdout);
  const { code } = await stage.cli('approve', id, '--reason', 'ticket 4711');
  const answer = await approved;
  show('person', `sidegate approve ${id} --reason 'ticket 4711'`);
  show('agent', describeAnswer(answer));
  outcomes.expect(
    'approved, exactly it passes',
    code === 0 && answer.kind === 'Rows' && answer.tag === 'DELETE 1',
    answer,
  );
  const refused = ask(agent, 'DELETE FROM orders WHERE id = 19');
  const second = await waiting(stage);
  await stage.cli('refuse', second.id, '--reason', 'that one stays');
  const no = await refused;
  show('person', `sidegate refuse ${second.id} --reason 'that one stays'`);
  show('agent', describeAnswer(no));
  outcomes.expect(
    'refused, it is an error with the reason, and the session goes on',
    no.kind === 'Error' &&
      no.detail.includes('that one stays') &&
      isCount(await ask(agent, 'SELECT count(*) FROM orders WHERE id = 19'), '1'),
    no,
  );
  await agent.end();
  const sleeping = ask(other, 'SELECT pg_sleep(600)').catch(
    (error: unknown): Answer => ({ kind: 'Error', code: '', message: String(error), detail: '' }),
  );
  await stage.cli('kill', '--agent', 'agents/support-bot', '--reason', 'the demo is over');
  const ended = await sleeping;
  show('person', "sidegate kill --agent agents/support-bot --reason 'the demo is over'");
  show('agent', describeAnswer(ended));
  outcomes.expect('a killed session ends at once, in the middle of a query', ended.kind === 'Error', ended);
  await other.end().catch(() => undefined);
}

function isCount(answer: Answer, count: string): boolean {
  return answer.kind === 'Rows' && String(answer.rows[0]?.['count']) === count;
}
