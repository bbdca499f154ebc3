import { ok } from '@sidegate/crds';
import * as fc from 'fast-check';
import { exhibitOptions } from '../../sidecar/src/protocols/exhibit.ts';
import { Playback } from '../../sidecar/src/protocols/playback.ts';
import type { JudgedCommand, Refusal } from '../../sidecar/src/protocols/protocol.ts';
import { SshSession } from '../../sidecar/src/protocols/ssh/session.ts';
import { NO_SSH_MASKS, sshExhibit } from '../../sidecar/src/protocols/ssh/testing/exhibit.ts';
import { Conversation } from './conversation.ts';
import { SshModel } from './ssh-model.ts';
import { Fields, frame, readFrames } from './ssh-wire.ts';

const REFUSAL: Refusal = { kind: 'Denied', rule: 'data/guard/no', reason: 'It is denied.', hint: '' };
const LIMITS = { frameBytesMax: 1 << 16, pendingCommandsMax: 3, preparedMax: 1 };

/** One thing that an agent does; a channel is the one that was opened so many times ago. */
export type Act =
  | {
      readonly kind: 'Open';
      readonly type: string;
      readonly window: number;
      readonly packetMax: number;
      /** Of a forward. */
      readonly place?: readonly [host: string, port: number];
    }
  | { readonly kind: 'Global'; readonly name: string; readonly wantsReply: boolean }
  | {
      readonly kind: 'Request';
      readonly channel: number;
      readonly type: string;
      readonly wantsReply: boolean;
      readonly parts: readonly (string | number)[];
    }
  | { readonly kind: 'Data'; readonly channel: number; readonly text: string }
  | { readonly kind: 'Widen'; readonly channel: number; readonly bytes: number }
  | { readonly kind: 'Eof' | 'Close'; readonly channel: number }
  | { readonly kind: 'Message'; readonly type: number; readonly channel: number };

/** What one channel told the agent: both outputs, and everything else in its order. */
export interface Told {
  readonly output: string;
  readonly errors: string;
  readonly events: readonly string[];
}

/** Channels that are open before the agent does anything. */
const OPEN_AT_START = 2;

interface AgentChannel {
  readonly gateNumber: number;
  granted: number;
  hasEnded: boolean;
}

/** What the gate does: nothing; deny and mask; or hold some of it for a human besides. */
export type Guard = 'Open' | 'Guarded' | 'Holding';

/** SSH's side of it: an agent that keeps to its channels and windows, so that what it does reaches what is behind them. */
export class SshTalk extends Conversation<SshModel> {
  #opened = 0;
  #read = 0;
  /** The channels that the gate confirmed and neither side closed, by the agent's number. */
  readonly #channels = new Map<number, AgentChannel>();
  /** What the gate closed: answered with the next chunk. */
  #toClose: number[] = [];

  constructor(guard: Guard, cut: readonly number[], cutServer: readonly number[]) {
    super(openGate(guard), new SshModel(), { cut, cutServer });
    const login = frame(50, 'agent', 'ssh-connection', 'password', false, 'a token');
    this.agent(Buffer.concat([frame(5, 'ssh-userauth'), login]));
    const open = { kind: 'Open', type: 'session', window: 200, packetMax: 100 } as const;
    this.act(Array.from({ length: OPEN_AT_START }, () => open));
  }

  /** Does all of it in one chunk, with what the agent knows of its channels by then. */
  act(acts: readonly Act[]): void {
    this.agent(this.bytesOf(acts));
  }

  bytesOf(acts: readonly Act[]): Uint8Array {
    this.#listen();
    const closing = this.#toClose.map((number) => frame(97, number));
    this.#toClose = [];
    return Buffer.concat([...closing, ...acts.map((act) => this.#bytesOf(act))]);
  }

  #bytesOf(act: Act): Uint8Array {
    if (act.kind === 'Open') {
      this.#opened += 1;
      const place = act.place === undefined ? [] : [...act.place, '192.0.2.1', 4_000];
      return frame(90, act.type, 1_000 + this.#opened, act.window, act.packetMax, ...place);
    }
    if (act.kind === 'Global') return frame(80, act.name, act.wantsReply, 'localhost', 0);
    if (act.kind === 'Message') return frame(act.type, act.channel);
    const open = [...this.#channels];
    const found = open.at(-1 - (act.channel % Math.max(1, open.length)));
    if (found === undefined) return new Uint8Array(0);
    const [own, channel] = found;
    const { gateNumber } = channel;
    switch (act.kind) {
      case 'Request':
        return frame(98, gateNumber, act.type, act.wantsReply, ...act.parts);
      case 'Data': {
        if (channel.hasEnded) return new Uint8Array(0);
        const text = act.text.slice(0, channel.granted);
        channel.granted -= text.length;
        return frame(94, gateNumber, text);
      }
      case 'Widen':
        return frame(93, gateNumber, act.bytes);
      case 'Eof':
        channel.hasEnded = true;
        return frame(96, gateNumber);
      default:
        this.#channels.delete(own);
        return frame(97, gateNumber);
    }
  }

  /** Takes what the gate has said since the last time. */
  #listen(): void {
    const { messages, rest } = readFrames(this.playback.sent('Agent').subarray(this.#read));
    this.#read = this.playback.sent('Agent').length - rest.length;
    for (const message of messages) {
      const fields = new Fields(message);
      const own = fields.number();
      const channel = this.#channels.get(own);
      if (message[0] === 91) {
        this.#channels.set(own, { gateNumber: fields.number(), granted: fields.number(), hasEnded: false });
      }
      if (channel === undefined) continue;
      if (message[0] === 93) channel.granted += fields.number();
      if (message[0] !== 97) continue;
      this.#channels.delete(own);
      this.#toClose.push(channel.gateNumber);
    }
  }

  /** What each channel of the agent was told, by the agent's number. */
  told(): ReadonlyMap<number, Told> {
    const all = new Map<number, { output: string; errors: string; events: string[] }>();
    for (const message of readFrames(this.playback.sent('Agent')).messages) {
      const type = message[0] ?? 0;
      if (type < 91) continue;
      const fields = new Fields(message);
      const own = fields.number();
      const told = all.get(own) ?? { output: '', errors: '', events: [] };
      all.set(own, told);
      if (type === 94) told.output += fields.text();
      else if (type === 95) {
        fields.number();
        told.errors += fields.text();
      } else if (type !== 91 && type !== 93) told.events.push(message.toString('latin1', 5));
    }
    return all;
  }
}

function openGate(guard: Guard): Playback {
  const session = new SshSession({ ...exhibitOptions('build.example', 22)(LIMITS), shared: undefined });
  return new Playback(session, {
    ...sshExhibit.answers,
    masks: guard === 'Open' ? NO_SSH_MASKS : sshExhibit.answers.masks,
    catalog: ok(undefined),
    settle: (judged) => (guard === 'Open' ? 'Forward' : settle(judged, guard)),
  });
}

/** As policy decides: what is denied by name, and what is not understood whole. */
function settle({ command }: JudgedCommand, guard: Guard): 'Forward' | 'Hold' | Refusal {
  if (command.protocol !== 'SSH' || !command.complete) return REFUSAL;
  if (command.commands.some(({ name }) => name === undefined || name === 'rm')) return REFUSAL;
  return guard === 'Holding' && command.commands.some(({ name }) => name === 'uptime') ? 'Hold' : 'Forward';
}

const channel = fc.nat(3);
const TEXTS = ['cat customers', 'cat mails', 'cat', 'yes', 'uptime', 'echo hi', 'ls -l'] as const;
/** Where forwards are to lead: to what answers, to where nobody listens, to no single place. */
const PLACES = [
  ['db.internal', 5432],
  ['DB.Internal.', 5432],
  ['closed.internal', 1],
  ['', 22],
  ['0.0.0.0', 22],
  ['db.internal', 65_536 + 5432],
] as const;
/** Ways to say rm. */
const DENIED = [
  'rm x',
  'r\\m x',
  '"rm" x',
  "r''m x",
  'echo hi; rm x',
  'echo hi && rm x',
  'echo hi | rm x',
  '$(rm x)',
  'a=rm; $a x',
  'echo hi\nrm x',
  '(rm x)',
  'if true; then rm x; fi',
  'r\xc3m x',
  '`rm x`',
] as const;

const request = (type: string, ...parts: readonly fc.Arbitrary<string | number>[]): fc.Arbitrary<Act> =>
  fc
    .tuple(channel, fc.boolean(), fc.tuple(...parts))
    .map(([number, wantsReply, given]) => ({ kind: 'Request', channel: number, type, wantsReply, parts: given }));

const sizes = fc.constantFrom(0, 1, 7, 100, 100_000, 0xffffffff);

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('Open' as const),
      type: fc.constantFrom(
        'session',
        'session',
        'session',
        'session',
        'direct-tcpip',
        'x11',
        'auth-agent@openssh.com',
      ),
      window: sizes,
      packetMax: fc.constantFrom(1, 9, 32_768, 0xffffffff),
    }),
  },
  { weight: 6, arbitrary: request('exec', fc.constantFrom(...TEXTS)) },
  { weight: 2, arbitrary: request('exec', fc.constantFrom(...DENIED)) },
  { weight: 1, arbitrary: request('shell') },
  { weight: 1, arbitrary: request('subsystem', fc.constantFrom('sftp', 'netconf')) },
  {
    weight: 1,
    arbitrary: request('env', fc.constantFrom('LANG', 'LC_ALL', 'LD_PRELOAD', 'PATH'), fc.constantFrom('C', 'a b', '')),
  },
  {
    weight: 1,
    arbitrary: request(
      'pty-req',
      fc.constant('xterm'),
      ...[80, 24, 0, 0].map((one) => fc.constant(one)),
      fc.constant(''),
    ),
  },
  { weight: 1, arbitrary: request('window-change', ...[80, 24, 0, 0].map((one) => fc.constant(one))) },
  { weight: 1, arbitrary: request('signal', fc.constantFrom('TERM', 'KILL')) },
  { weight: 1, arbitrary: request('auth-agent-req@openssh.com') },
  { weight: 1, arbitrary: request('x11-req', fc.constant('')) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('Global' as const),
      name: fc.constantFrom(
        'tcpip-forward',
        'cancel-tcpip-forward',
        'keepalive@openssh.com',
        'no-more-sessions@openssh.com',
      ),
      wantsReply: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('Data' as const),
      channel,
      text: fc.constantFrom('', 'x', `to ${'y'.repeat(28)}`, 'z'.repeat(40), 'rm x\n'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('Widen' as const), channel, bytes: sizes }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('Eof' as const, 'Close' as const), channel }) },
  // What is not the agent's to send, or for no channel: it mostly ends the session.
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('Message' as const),
      channel,
      type: fc.constantFrom(1, 3, 60, 93, 97, 99, 192),
    }),
  },
);

const forward: fc.Arbitrary<Act> = fc.record({
  kind: fc.constant('Open' as const),
  type: fc.constant('direct-tcpip'),
  window: sizes,
  packetMax: fc.constantFrom(1, 9, 32_768, 0xffffffff),
  place: fc.constantFrom(...PLACES),
});

const actsOf = (one: fc.Arbitrary<Act>): fc.Arbitrary<readonly (readonly Act[])[]> =>
  fc.array(fc.array(one, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 7 });

/** What an agent does: the acts of each element go out together. */
export const sshActs = actsOf(act);

/** The same, with many forwards among it. */
export const sshForwardActs = actsOf(fc.oneof({ weight: 3, arbitrary: act }, { weight: 1, arbitrary: forward }));
