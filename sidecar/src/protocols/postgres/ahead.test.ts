import { describe, expect, test } from '@jest/globals';
import { agent, bind, close, complete, opening, parse, query, ready, status, target } from './testing/frames.ts';
import { type Happening, type PlaybookOptions, Stage } from './testing/playbook.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const LARGE = query(`select '${'x'.repeat(256 * KIB)}'`);
const TYPE_AND_LENGTH = 5;

function play(happenings: readonly Happening[], options: PlaybookOptions = {}): Stage {
  const stage = new Stage({ ...options, limits: { frameBytesMax: 8 * MIB, ...options.limits } });
  for (const happening of [...opening, ...happenings]) say(stage, happening);
  return stage;
}

function say(stage: Stage, happening: Happening): void {
  const { session } = stage;
  if ('event' in happening) stage.do(happening.event(session));
  else if (happening.from === 'agent') stage.do(session.receiveAgent(happening.bytes));
  else stage.do(session.receiveTarget(happening.bytes));
}

/** How many large frames are taken before the agent is not read any longer; 20: more. */
function framesUntilFull(stage: Stage): number {
  let count = 0;
  for (; count < 20 && stage.session.isFull !== true; count++) say(stage, agent(LARGE));
  return count;
}

describe('an agent that sends ahead of what waits is read up to 1 MiB, and again when that goes on', () => {
  test('behind a command that waits for people', () => {
    const judge = (_judged: unknown, commandId: number) => (commandId === 1 ? 'Hold' : 'Forward');
    const stage = play([agent(query('select 1'))], { judge });
    expect(framesUntilFull(stage)).toBe(4);
    stage.settle(1, 'Forward');
    expect(stage.session.isFull).toBe(false);
  });

  test('behind one that may change what the next means', () => {
    const stage = play([agent(query('create'))], { readings: { create: { statements: [{ changesCatalog: true }] } } });
    // The first is looked at already.
    expect(framesUntilFull(stage)).toBe(5);
    say(stage, target(complete('CREATE TABLE'), ready()));
    expect(stage.session.isFull).toBe(false);
  });

  test('behind as many as may be on their way', () => {
    const stage = play([agent(query('select 1'), query('select 2'))], { limits: { pendingCommandsMax: 2 } });
    expect(framesUntilFull(stage)).toBe(5);
    say(stage, target(complete('SELECT 1'), ready(), complete('SELECT 1'), ready()));
    say(stage, target(complete('SELECT 1'), ready(), complete('SELECT 1'), ready()));
    expect(stage.session.isFull).toBe(false);
  });

  test('one that nothing waits for is read on, however large its next frame is', () => {
    const stage = play([agent(query('x'.repeat(4 * MIB)).subarray(0, 3 * MIB))]);
    expect([stage.session.isFull, stage.session.heldBytes]).toEqual([false, 3 * MIB]);
  });
});

describe('what a session holds is counted', () => {
  test('a command that waits for people, until it may pass', () => {
    const stage = play([agent(LARGE)], { judge: () => 'Hold' });
    expect(stage.session.heldBytes).toBe(LARGE.length);
    stage.settle(1, 'Forward');
    expect(stage.session.heldBytes).toBe(0);
  });

  test('a frame that waits for the server', () => {
    const stage = play([agent(query('create')), agent(LARGE)], {
      readings: { create: { statements: [{ changesCatalog: true }] } },
    });
    expect(stage.session.heldBytes).toBe(LARGE.length);
  });

  test('the beginning of an answer that is not whole', () => {
    const stage = play([agent(query('select 1')), target(Buffer.from([0x44, 0, 0x10, 0, 0, 0]))]);
    expect(stage.session.heldBytes).toBe(TYPE_AND_LENGTH + 1);
  });

  test('prepared statements and portals, with all that they are kept with', () => {
    const [prepared, bound] = [parse('a', 'select 1'), bind('p', 'a', ['x'.repeat(KIB)])];
    const stage = play([agent(prepared, bound)]);
    expect(stage.session.heldBytes).toBe(prepared.length * 2 + bound.length);
    say(stage, agent(parse('b', 'select 2')));
    expect(stage.session.heldBytes).toBe(prepared.length * 3 + bound.length);
    say(stage, agent(close('P', 'p'), close('S', 'a')));
    expect(stage.session.heldBytes).toBe(prepared.length);
  });
});

test('an agent that is not read hears again what it knows: that this cannot be written shows that it has left', () => {
  const version = status('server_version', '18.0');
  const stage = new Stage({ judge: () => 'Hold' });
  const [startup = agent(), greeting = target()] = opening;
  const login = 'bytes' in greeting ? greeting.bytes : version;
  for (const happening of [startup, target(login.subarray(0, 9), version, login.subarray(9)), agent(query('select 1'))])
    say(stage, happening);
  const before = stage.steps.length;
  stage.do(stage.session.probe?.() ?? []);
  expect(stage.steps.slice(before)).toEqual([{ kind: 'ToAgent', bytes: version }]);
});

test('one that is not open yet hears nothing', () => {
  expect(new Stage({}).session.probe?.()).toEqual([]);
});
