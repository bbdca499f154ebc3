import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { failureOf } from '../client-error.ts';
import { openStage, type Stage } from '../stage.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { showsHelp } from '../support/usage.ts';
import { type Answer, ask, describeAnswer, WORK, type Work } from './agent-work.ts';
import { waitForPeople } from './approval-work.ts';
import { Outcomes } from './outcomes.ts';
import { workWithPsql } from './psql-work.ts';
import { checkRecord } from './record-check.ts';
import { workWithRedis } from './redis-work.ts';
import { workWithSsh } from './ssh-work.ts';

const USAGE = `usage: npm run demo [-- --once]

  Starts PostgreSQL, Redis and SSH servers of its own (those that are installed), a gate and a store, and lets agents work through the gate. Then
  everything stays up until Ctrl-C, with what to type in a second terminal; with --once it checks the recording and ends instead, with 1 when
  something was wrong.
`;
const startedMs = Date.now();
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const outcomes = new Outcomes(say);

function progress(step: string): void {
  say(`[${((Date.now() - startedMs) / 1000).toFixed(1).padStart(5)} s] ${step} ...`);
}

function show(side: string, text: string): void {
  for (const [at, line] of text.split('\n').entries()) say(`      ${(at === 0 ? side : '').padEnd(8)}${line}`);
}

async function demonstrate(isOnce: boolean): Promise<void> {
  await using stage = await openStage({ start: startPostgres, progress });
  say(
    `\nAgents reach PostgreSQL ${stage.postgres.version} at ${stage.host}:${stage.port}, through the gate, with a token in place of a password.\n`,
  );
  const sessionId = await agentWorks(stage);
  await policyChanges(stage);
  say('\nCommands that wait for a human\n');
  await waitForPeople(stage, outcomes, show);
  await strangersComeNot(stage);
  say('\npsql\n');
  if (!(await workWithPsql(stage, outcomes, show))) say('left out: psql is not installed');
  say('\nRedis\n');
  if (!(await workWithRedis(outcomes, show, progress))) say('left out: redis-server is not installed');
  say('\nSSH\n');
  if (!(await workWithSsh(outcomes, show, progress))) say('left out: ssh and sshd are not both installed');
  if (isOnce) {
    say('\nThe recording, by the command line\n');
    progress('reading sessions, show, replay and verify');
    await checkRecord(stage, sessionId, outcomes);
  } else {
    tellWhatToType(stage, sessionId, await stage.token({ expiresIn: 86_400 }));
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), stage.run.ended]);
  }
  progress('ending everything');
  await stage.stop();
  say(`\n${outcomes.passed} right, ${outcomes.failed} wrong.`);
  process.exitCode = outcomes.failed === 0 ? 0 : 1;
}

/** One session of allowed, masked and denied work; then what agent, server and record each saw of it. */
async function agentWorks(stage: Stage): Promise<string> {
  say('An agent works with node-postgres\n');
  const client = await stage.connect({ application_name: 'demo-agent' });
  const answers: Answer[] = [];
  for (const { sql } of WORK) answers.push(await ask(client, sql));
  await client.end();
  progress('waiting until the store has the whole session');
  const [session] = await stage.drained();
  const sessionId = String(session?.['sessionId']);
  const commands = await stage.commands(sessionId);
  const served = await stage.postgres.statements();
  for (const [at, work] of WORK.entries()) {
    const answer = answers[at];
    const command = commands[at] ?? {};
    const ran = served.some(({ text }) => text.includes(work.sql));
    say(`\n  The agent ${work.title}\n      ${work.sql}`);
    if (answer !== undefined) show('agent', describeAnswer(answer));
    show('server', ran ? 'ran it' : 'never saw it');
    show('record', `${String(command['decision'])} by ${String(command['rule'])}, ${String(command['outcome'])}`);
    if (answer !== undefined) judge(work, answer, ran, command);
  }
  const users = new Set(served.map(({ user }) => user));
  outcomes.expect(
    'the server knows only the login of the gate, never a token',
    users.size === 1 && users.has('orders_app'),
    [...users],
  );
  return sessionId;
}

function judge(work: Work, answer: Answer, ran: boolean, command: Readonly<Record<string, unknown>>): void {
  const { title, expected, secrets, rule } = work;
  const told = describeAnswer(answer);
  if (expected === 'Denied') {
    const named = answer.kind === 'Error' && answer.code === '42501' && answer.detail.includes(rule ?? '');
    outcomes.expect(`${title}: refused, with the rule as the reason`, named, answer);
    outcomes.expect(`${title}: never reached the server`, !ran);
    outcomes.expect(
      `${title}: the record says Deny`,
      command['decision'] === 'Deny' && command['forwarded'] === false,
      command,
    );
    return;
  }
  outcomes.expect(`${title}: answered`, answer.kind === 'Rows' && ran, answer);
  outcomes.expect(`${title}: the record says Allow`, command['decision'] === 'Allow', command);
  if (expected === 'Masked') {
    const masked = Number(command['maskedValues']) > 0;
    outcomes.expect(
      `${title}: nothing masked is seen in clear`,
      masked && secrets.every((one) => !told.includes(one)),
      told,
    );
  }
}

const FREEZE = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: freeze, namespace: data}
spec:
  rules:
    - name: no-writes
      match: {postgres: {statements: [INSERT, UPDATE, DELETE, MERGE]}}
      action: Deny
      reason: The orders are frozen for the audit.
`;

async function policyChanges(stage: Stage): Promise<void> {
  say('\nThe rules change while a session is open\n');
  const client = await stage.connect({ application_name: 'demo-agent' });
  const write = "UPDATE orders SET status = 'shipped' WHERE id = 4";
  const before = await ask(client, write);
  const change = await stage.change({ 'freeze.yaml': FREEZE });
  const after = await ask(client, write);
  show('before', describeAnswer(before));
  show('after', describeAnswer(after));
  outcomes.expect('the same command is allowed before the change', before.kind === 'Rows', before);
  outcomes.expect(
    'and refused after it, in the same session',
    change.kind === 'Applied' && after.kind === 'Error' && after.detail.includes('no-writes'),
    after,
  );
  const wrong = await stage.change({ 'freeze.yaml': FREEZE.replace('action: Deny', 'action: Forbid') });
  if (wrong.kind === 'Refused')
    show(
      'files',
      wrong.faults.map(({ where, message, mend }) => `${String(where)}: ${String(message)} ${String(mend)}`).join('\n'),
    );
  const still = await ask(client, write);
  outcomes.expect('a file with a mistake changes nothing', wrong.kind === 'Refused' && still.kind === 'Error', {
    wrong,
    still,
  });
  await stage.change({ 'freeze.yaml': undefined });
  await client.end();
}

async function strangersComeNot(stage: Stage): Promise<void> {
  say('\nOthers ask to come in\n');
  const strangers: readonly (readonly [string, Promise<string>, RegExp])[] = [
    ['a token that has expired', stage.token({ expiresIn: -60 }), /expired/],
    ['a token for another audience', stage.token({ audience: 'somebody-else' }), /audience|not for/],
    ['a token that somebody else signed', stage.issuer.forgedToken({ subject: 'support-bot' }), /sign/],
    ['a password', Promise.resolve('postgres'), /token/],
  ];
  for (const [what, token, reason] of strangers) {
    const refused = await failureOf(stage.connect({ token: await token }));
    const told = refused === undefined ? 'it was let in' : `${refused.message}: ${refused.detail} ${refused.hint}`;
    show('agent', told);
    outcomes.expect(`${what} opens nothing, and the reason is said`, refused !== undefined && reason.test(told), told);
  }
}

function tellWhatToType({ host, port, state, folder, postgres }: Stage, sessionId: string, token: string): void {
  const where = `"host=${host} port=${port} user=agent dbname=${postgres.database}"`;
  say(`
Everything stays up. In a second terminal, in this folder:

  export SIDEGATE_STATE=${state}
  npx sidegate sessions
  npx sidegate show ${sessionId}
  npx sidegate replay ${sessionId}
  npx sidegate watch
  npx sidegate verify --all

  export PGPASSWORD=${token}
  psql ${where} -c 'SELECT * FROM customers'
  psql ${where} -c 'DROP TABLE orders'
  psql ${where} -c 'DELETE FROM orders WHERE id = 5'     # waits; in a third terminal:
  npx sidegate approvals
  npx sidegate approve ID

The rules are in ${folder}: edit policy.yaml there, and the next command obeys. Ctrl-C ends everything.`);
}

async function main(parameters: readonly string[]): Promise<void> {
  if (showsHelp(parameters, USAGE)) return;
  let isOnce: boolean;
  try {
    isOnce = parseArgs({ args: [...parameters], options: { once: { type: 'boolean', default: false } } }).values.once;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : 'the parameters cannot be read'}\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  await demonstrate(isOnce);
}

await main(process.argv.slice(2));
