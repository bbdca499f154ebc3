import type { Bypass } from '../bypass/attempt.ts';
import type { Ground } from '../bypass/ground.ts';
import type { Outcome } from '../bypass/outcome.ts';
import { Squatter } from '../bypass/squatter.ts';

const LED_NOWHERE = /could not translate host name/;

/** What the agent has from its own Target while it sits there, and what the status says of that. */
async function squats(squatter: Squatter, says: RegExp): Promise<Outcome> {
  const status = await squatter.status(says);
  const { succeeded, said } = await squatter.reads();
  return { succeeded, said: `${said} Status: ${status}` };
}

async function left(ground: Ground): Promise<Outcome> {
  const squatter = new Squatter(ground);
  await squatter.leave();
  return await squatter.untilItReads();
}

/** An agent that sits where the gate must listen. */
export const SQUATTING_BYPASSES: readonly Bypass[] = [
  {
    name: 'squatted-door',
    what: 'a Target’s connections, by sitting on its port',
    refusedBy: 'the gate, whose name server leads nowhere while it has not the door',
    armedWith: 'the port free again',
    attempts: [
      {
        what: '0.0.0.0:PORT before the Target is there',
        refusal: LED_NOWHERE,
        run: async (ground) => {
          const squatter = new Squatter(ground);
          await squatter.start();
          await squatter.lurk('0.0.0.0', 7432);
          await squatter.untilItSits();
          await squatter.openTarget();
          return await squats(squatter, /DoorBlocked: .*late-db.data.svc:7432/);
        },
        armed: left,
      },
    ],
  },
  {
    name: 'squatted-restart',
    what: 'a Target’s connections, by taking its port while the gate is away',
    refusedBy: 'the gate, whose name server leads nowhere while it has not the door',
    armedWith: 'the port free again',
    attempts: [
      {
        what: '0.0.0.0:PORT while the gate is started again',
        refusal: LED_NOWHERE,
        run: async (ground) => {
          const squatter = new Squatter(ground);
          await squatter.start();
          await squatter.openTarget();
          await squatter.untilItReads();
          await squatter.lurk('0.0.0.0', 7432);
          await squatter.killGate();
          await squatter.untilItSits();
          return await squats(squatter, /DoorBlocked: .*late-db.data.svc:7432/);
        },
        armed: left,
      },
    ],
  },
  {
    name: 'squatted-names',
    what: 'the pod’s names, by taking port 53 while the gate is away',
    refusedBy: 'the gate, which opens nothing and is not started while it has not the port',
    armedWith: 'the port free again',
    attempts: [
      {
        what: '0.0.0.0:53 while the gate is started again',
        refusal: LED_NOWHERE,
        run: async (ground) => {
          const squatter = new Squatter(ground);
          await squatter.start();
          await squatter.openTarget();
          await squatter.untilItReads();
          await squatter.lurk('0.0.0.0', 53);
          await squatter.killGate();
          await squatter.untilItSits();
          return await squats(squatter, /Programmed False/);
        },
        armed: left,
      },
    ],
  },
];
