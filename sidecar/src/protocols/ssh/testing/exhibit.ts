import { ok } from '@sidegate/crds';
import { buildContentMask, buildJsonMask, type Mask, type MaskRules, maskText } from '@sidegate/policy';
import { type ClientView, exhibitOptions, type ProtocolExhibit } from '../../exhibit.ts';
import type { JudgedCommand, Refusal } from '../../protocol.ts';
import type { TranscriptChunk } from '../../transcript.ts';
import { FrameReader, MessageReader, textOf, writeData, writeFrame } from '../codec.ts';
import { MESSAGE } from '../messages.ts';

const KEY = Buffer.from('a key for recordings');
const HIDDEN: Mask = { rule: 'hidden', with: { type: 'Redact' } };
const REFUSAL: Refusal = { kind: 'Denied', rule: 'data/guard/no-rm', reason: 'Files stay as they are.', hint: '' };
const maskContent = buildContentMask([{ detector: 'Email', mask: HIDDEN }], KEY);

/** The masks of the exhibit: addresses of mail are hidden. */
export const MASKS: MaskRules = {
  empty: false,
  digests: ['exhibit'],
  columns: false,
  columnMask: () => undefined,
  masksTable: () => false,
  fields: [],
  detect: [{ detector: 'Email', mask: HIDDEN }],
  unknownOrigin: HIDDEN,
  maskValue: (mask, text) => maskText(mask.with, text, KEY),
  maskContent,
  maskJson: buildJsonMask([], maskContent, KEY),
};

/** No masks at all. */
export const NO_SSH_MASKS: MaskRules = { ...MASKS, empty: true, detect: [] };

function settle({ command, text }: JudgedCommand): 'Forward' | 'Hold' | Refusal {
  if (command.protocol !== 'SSH') return 'Forward';
  if (/^(?:rm|remove) /.test(text)) return REFUSAL;
  return text === 'uptime' || text.startsWith('mkdir ') ? 'Hold' : 'Forward';
}

/** Channels that the opening opens: the first is for what is refused, the others for one command each. */
const CHANNELS = 6;
const WINDOW = 1 << 20;
const PACKET = 32 * 1024;

const agent = (bytes: Uint8Array): TranscriptChunk => ({ from: 'Agent', bytes });
const target = (bytes: Uint8Array): TranscriptChunk => ({ from: 'Target', bytes });
const u32 = (uint32: number): { readonly uint32: number } => ({ uint32 });

const login: readonly TranscriptChunk[] = [
  agent(writeFrame(MESSAGE.serviceRequest, 'ssh-userauth')),
  agent(writeFrame(MESSAGE.userauthRequest, 'agent', 'ssh-connection', 'password', false, 'a token')),
  target(writeFrame(MESSAGE.serviceAccept, 'ssh-userauth')),
  target(writeFrame(MESSAGE.userauthSuccess)),
];

function channelOf(id: number): readonly TranscriptChunk[] {
  return [
    agent(writeFrame(MESSAGE.channelOpen, 'session', u32(id), u32(WINDOW), u32(PACKET))),
    target(writeFrame(MESSAGE.channelOpenConfirmation, u32(id), u32(id), u32(WINDOW), u32(PACKET))),
  ];
}

const opening = [...login, ...Array.from({ length: CHANNELS }, (_, id) => channelOf(id)).flat()];

const exec = (id: number, text: string): Uint8Array => writeFrame(MESSAGE.channelRequest, u32(id), 'exec', true, text);

function ended(id: number, data: Uint8Array): Uint8Array {
  return Buffer.concat([
    writeFrame(MESSAGE.channelSuccess, u32(id)),
    data,
    writeFrame(MESSAGE.channelRequest, u32(id), 'exit-status', false, u32(0)),
    writeFrame(MESSAGE.channelEof, u32(id)),
    writeFrame(MESSAGE.channelClose, u32(id)),
  ]);
}

/** A conversation in which an address comes in two pieces, for the folder of recordings. */
export const maskedConversation: readonly TranscriptChunk[] = [
  ...login,
  ...channelOf(0),
  agent(writeFrame(MESSAGE.channelRequest, u32(0), 'env', false, 'LANG', 'C.UTF-8')),
  agent(exec(0, 'cat customers')),
  target(writeFrame(MESSAGE.channelSuccess, u32(0))),
  target(writeFrame(MESSAGE.channelSuccess, u32(0))),
  target(writeData(0, false, Buffer.from('Ada ada@exam'))),
  agent(Buffer.concat([writeData(0, false, Buffer.from('more\n')), writeFrame(MESSAGE.channelEof, u32(0))])),
  target(writeData(0, false, Buffer.from('ple.com, a customer\n'))),
  target(writeData(0, true, Buffer.from('nobody else\n'))),
  target(writeFrame(MESSAGE.channelWindowAdjust, u32(0), u32(5))),
  target(writeFrame(MESSAGE.channelRequest, u32(0), 'exit-status', false, u32(3))),
  target(Buffer.concat([writeFrame(MESSAGE.channelEof, u32(0)), writeFrame(MESSAGE.channelClose, u32(0))])),
  agent(writeFrame(MESSAGE.channelClose, u32(0))),
  ...channelOf(0),
  agent(exec(0, 'rm -rf customers')),
  agent(writeFrame(MESSAGE.channelClose, u32(0))),
  target(writeFrame(MESSAGE.channelClose, u32(0))),
  agent(writeFrame(MESSAGE.disconnect, u32(11), 'disconnected by user', '')),
];

let lastCommand = 0;
const options = exhibitOptions('build.example', 22);

/** SSH for the suite that runs over all protocols. */
export const sshExhibit: ProtocolExhibit = {
  answers: {
    credential: { username: 'gate', password: 'hunter2' },
    subject: 'agent',
    masks: MASKS,
    catalog: ok(undefined),
    settle,
  },
  hidden: ['ada@exam'],
  recordings: new URL('../recordings/', import.meta.url),
  sessionOptions: (limits) => {
    lastCommand = 0;
    return options(limits);
  },
  opening,
  // A channel runs one command: each is for the next.
  commandOf: (bytes) => {
    lastCommand += 1;
    return exec(lastCommand, 'x'.repeat(bytes - exec(0, '').length));
  },
  refusedCommand: exec(0, 'rm -rf everything'),
  refusal: REFUSAL,
  answerOf: (bytes) => ended(1, writeData(1, false, new Uint8Array(bytes - 13).fill(120))),
  plainAnswer: ended(1, writeData(1, false, Buffer.from('1\n'))),
  refusalCode: 'denied',
  frameBytesMin: 512,
  endMark: writeFrame(MESSAGE.ignore, 'the end'),
  readAsClient,
};

async function readAsClient(stream: NodeJS.ReadableStream): Promise<ClientView> {
  const errors: string[] = [];
  const complaints: string[] = [];
  let turns = 0;
  let last: number | undefined;
  const frames = new FrameReader(1 << 20);
  for await (const chunk of stream) frames.feed(Buffer.from(chunk));
  for (let message = frames.next(); message !== undefined; message = frames.next()) {
    if (message === 'TooLarge') {
      complaints.push('a message that is too large');
      break;
    }
    last = message[0];
    const reader = new MessageReader(message);
    reader.uint32();
    if (last === MESSAGE.channelClose) turns += 1;
    if (last === MESSAGE.channelExtendedData) reader.uint32();
    if (last !== MESSAGE.channelExtendedData && last !== MESSAGE.disconnect) continue;
    const code = /^sidegate: ([^:]+):/.exec(textOf(reader.bytes()))?.[1];
    if (code !== undefined) errors.push(code);
  }
  if (last !== MESSAGE.ignore) complaints.push('the last message is not whole');
  return { errors, turns, complaints };
}
