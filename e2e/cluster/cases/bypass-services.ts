import { type Attempt, type Bypass } from '../bypass/attempt.ts';
import { CREDENTIAL, type Ground, HOLDER, VICTIM } from '../bypass/ground.ts';
import { outcomeOf } from '../bypass/outcome.ts';
import { OWN_TOKEN, speech } from '../bypass/speech.ts';
import { SYSTEM } from '../cluster-stage.ts';

const GATE = 'sidegate-gate';
const RULES = new RegExp(CREDENTIAL);
const STORED = /STORED.*STORED/;

/** Tokens that are none of the pod's gate. */
const TOKENS: Readonly<Record<string, (ground: Ground) => Promise<string>>> = {
  'no token': async () => '',
  'the agent’s token': async () => OWN_TOKEN,
  'a token of the API server, bound to the pod': (ground) => ground.token(''),
  'a token of the gate’s audience, bound to no pod': (ground) => ground.token(GATE, ''),
};

const controlled = (what: string): Attempt => ({
  what,
  refusal: /unauthenticated|permission_denied.*not bound to a pod/,
  run: async (ground) =>
    await speech(ground, 'control', { token: (await TOKENS[what]?.(ground)) ?? '', matches: RULES }),
  armed: async (ground) => await speech(ground, 'control', { token: await ground.token(GATE), matches: RULES }),
});

const recorded = (what: string): Attempt => ({
  what,
  refusal: /unauthenticated/,
  run: async (ground) =>
    await speech(ground, 'store', {
      token: (await TOKENS[what]?.(ground)) ?? '',
      gateId: await ground.uid(),
      matches: STORED,
    }),
  armed: recordedByGate,
});

async function recordedByGate(ground: Ground) {
  const [token, gateId] = [await ground.token(GATE), await ground.uid()];
  return await speech(ground, 'store', { token, gateId, matches: STORED });
}

/** What the gate speaks to. */
export const SERVICE_BYPASSES: readonly Bypass[] = [
  {
    name: 'control-stream',
    what: 'the operator’s control stream, spoken from the agent’s container',
    refusedBy: 'the operator: TokenReview, audience, live pod by UID',
    armedWith: 'the token of the pod’s gate',
    attempts: Object.keys(TOKENS).map(controlled),
  },
  {
    name: 'store',
    what: 'records for the store, from the agent’s container',
    refusedBy: 'the store: TokenReview, audience, live pod by UID',
    armedWith: 'the token of the pod’s gate',
    attempts: Object.keys(TOKENS).map(recorded),
  },
  {
    name: 'forged-session',
    what: 'a session of another pod',
    refusedBy: 'the store: a session belongs to the pod whose UID its id begins with',
    armedWith: 'the token of that pod’s own gate',
    attempts: [
      {
        what: 'records of the victim, under the token of another pod’s gate',
        refusal: /INVALID/,
        run: async (ground) =>
          await speech(ground, 'store', {
            token: await ground.token(GATE, HOLDER),
            gateId: await ground.uid(VICTIM),
            matches: STORED,
          }),
        armed: recordedByGate,
      },
    ],
  },
  {
    name: 'reading',
    what: 'what others did',
    refusedBy: 'the store: readers are served on its owner’s socket alone',
    armedWith: 'a shell beside that socket',
    attempts: [
      {
        what: 'the list of sessions, asked for with the token of a gate',
        refusal: /unimplemented|404/i,
        run: async (ground) =>
          await speech(ground, 'reader', { token: await ground.token(GATE), matches: /read \d+ sessions/ }),
        armed: async ({ stage }) => {
          const ended = await stage.cluster.exec(SYSTEM, 'sidegate-store-0', ['sidegate', 'sessions', '--json']);
          return outcomeOf(ended, ended.code === 0 && ended.stdout.includes('sessionId'));
        },
      },
    ],
  },
];
