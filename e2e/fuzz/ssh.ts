import * as fc from 'fast-check';
import {
  cuts,
  type Damage,
  differenceOf,
  EACH,
  noises,
  oneDamage,
  WHOLE,
  withDamage,
  wrongWhenCut,
} from './conversation.ts';
import { defineFuzzer, type Fuzzer } from './fuzzer.ts';
import { ADDRESS } from './ssh-model.ts';
import { type Act, type Guard, SshTalk, sshActs, sshForwardActs } from './ssh-talk.ts';
import { frame } from './ssh-wire.ts';

/** Nothing, mostly. */
const damages: fc.Arbitrary<readonly Damage[]> = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  {
    weight: 1,
    arbitrary: fc.array(oneDamage, { minLength: 1, maxLength: 3 }),
  },
);

/** The last chunk is damaged: bytes are changed, taken away or put in. */
function talk(
  acts: readonly (readonly Act[])[],
  damage: readonly Damage[],
  guard: Guard,
  cut: readonly number[],
  cutServer: readonly number[] = WHOLE,
): SshTalk {
  const conversation = new SshTalk(guard, cut, cutServer);
  for (const each of acts.slice(0, -1)) conversation.act(each);
  conversation.agent(withDamage(conversation.bytesOf(acts.at(-1) ?? []), damage));
  return conversation;
}

/** A shell would run rm: quotes and backslashes taken away, it stands where a command may. */
const RUNS_RM = /(?:^|[\n;&|(`{!]|\b(?:then|do|else|if|while|until)\s)\s*rm(?:$|[\s;&|)`<>])/;

/** What a server may say at any time, for channels that the gate has and for others. */
const said: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.tuple(fc.constantFrom(91, 92, 93, 94, 95, 96, 97, 99, 100), fc.nat(3), fc.nat(300)).map(([type, to, size]) => {
    if (type === 94) return frame(type, to, 'd'.repeat(size));
    if (type === 95) return frame(type, to, size % 3, 'e'.repeat(size));
    return type === 91 ? frame(type, to, size, size, size) : frame(type, to, size);
  }),
  fc
    .tuple(fc.nat(3), fc.constantFrom('exit-status', 'exit-signal', 'eow@openssh.com', 'x11-req'), fc.boolean())
    .map(([to, type, wantsReply]) => frame(98, to, type, wantsReply, 0)),
  fc
    .constantFrom('session', 'x11', 'forwarded-tcpip', 'auth-agent@openssh.com')
    .map((type) => frame(90, type, 5, 99, 99)),
  fc.constantFrom('hostkeys-00@openssh.com', 'tcpip-forward').map((name) => frame(80, name, true)),
  fc.constantFrom(1, 6, 51, 52, 53, 60, 81, 82, 200).map((type) => frame(type)),
  fc.uint8Array({ maxLength: 12 }),
);

/** The fuzzers of SSH sessions. */
export const SSH_FUZZERS: readonly Fuzzer[] = [
  defineFuzzer({
    name: 'ssh-frames',
    promise:
      'However the frames of an agent and of its server are cut, damaged too, the same is sent, judged and finished, and nothing goes to the server that it has no room for.',
    cases: fc.tuple(sshActs, damages, cuts, fc.constantFrom('Open' as const, 'Guarded' as const)),
    check([acts, damage, cut, guard]) {
      const whole = talk(acts, damage, guard, WHOLE);
      for (const way of [cut, EACH]) {
        const difference = differenceOf(way, talk(acts, damage, guard, way, way).playback, whole.playback);
        if (difference !== undefined) return difference;
      }
      return whole.server.breaches[0] ?? whole.playback.violations[0];
    },
  }),
  defineFuzzer({
    name: 'ssh-guarded',
    promise:
      'Whatever an agent sends, damaged too: what is denied or never carried does not reach the server, what is masked never reaches the agent.',
    cases: fc.tuple(sshActs, damages, cuts),
    check([acts, damage, cut]) {
      const { playback, server, told } = keep(talk(acts, damage, 'Holding', cut));
      for (const { output, errors } of told.values()) {
        if (`${output}\n${errors}`.includes(ADDRESS)) return `a masked value reached the agent: ${output}${errors}`;
      }
      const denied = server.ran.find((text) => RUNS_RM.test(text.replaceAll(/['"\\]/g, '')));
      if (denied !== undefined) return `${JSON.stringify(denied)} ran`;
      const blind = server.ran.find((text) => /^(?:shell$|subsystem netconf$|forward )/.test(text));
      if (blind !== undefined) return `${blind} ran, which masks cannot reach`;
      if (server.unwanted.length > 0) return `the server was asked for ${server.unwanted[0]}`;
      return server.breaches[0] ?? playback.violations[0];
    },
  }),
  defineFuzzer({
    name: 'ssh-forwards',
    promise:
      'However an agent that opens forwards is cut, the same is sent, judged and finished; they lead only where one place is named, and nowhere while masks are in force.',
    cases: fc.tuple(sshForwardActs, cuts, fc.constantFrom('Open' as const, 'Guarded' as const)),
    check([acts, cut, guard]) {
      const whole = talk(acts, [], guard, WHOLE);
      for (const way of [cut, EACH]) {
        const difference = differenceOf(way, talk(acts, [], guard, way, way).playback, whole.playback);
        if (difference !== undefined) return difference;
      }
      const { ran, unwanted, breaches } = whole.server;
      const led = [...(guard === 'Open' ? [] : ran), ...unwanted].find((text) => text.startsWith('forward '));
      return led ?? breaches[0] ?? whole.playback.violations[0];
    },
  }),
  defineFuzzer({
    name: 'ssh-server',
    promise: 'Whatever a server says, whenever: no throw, and no rule of sessions is broken, however it is cut.',
    cases: fc.tuple(
      sshActs,
      fc.array(said, { maxLength: 8 }),
      cuts,
      fc.constantFrom('Open' as const, 'Guarded' as const, 'Holding' as const),
    ),
    check([acts, chunks, cut, guard]) {
      const run = (way: readonly number[]): SshTalk => {
        const conversation = talk(acts, [], guard, WHOLE, way);
        for (const chunk of chunks) conversation.target(chunk);
        return conversation;
      };
      // When somebody approves is no matter of bytes: between two pieces, or behind both.
      return guard === 'Holding'
        ? (run(WHOLE).playback.violations[0] ?? run(cut).playback.violations[0])
        : wrongWhenCut(cut, run);
    },
  }),
  defineFuzzer({
    name: 'ssh-noise',
    promise: 'Random bytes from either side at any moment: no throw, and no rule of sessions is broken.',
    cases: fc.tuple(sshActs, noises),
    check: ([acts, noise]) => talk(acts, [], 'Holding', WHOLE).afterNoise(noise),
  }),
];

function keep(
  conversation: SshTalk,
): Pick<SshTalk, 'playback' | 'server'> & { readonly told: ReturnType<SshTalk['told']> } {
  return { playback: conversation.playback, server: conversation.server, told: conversation.told() };
}
