import type { JudgedCommand, Refusal } from '../protocol.ts';
import type { Channel, Waiting } from './channel.ts';
import { classify, FORWARD, type Request } from './classify.ts';
import { exactText, forwardTo, MessageReader, textOf, writeFrame } from './codec.ts';
import { type Destination, destinationText } from './destination.ts';
import { judgedCommand } from './judged.ts';
import type { Lane } from './lane.ts';
import { LENGTH_BYTES, MESSAGE } from './messages.ts';
import { unmaskable } from './unmaskable.ts';

const PLAIN_NAME = /^[\x21-\x7e]+$/;

/** Behind the message's number and the channel's (RFC 4254, section 5.4); whether an answer is wanted comes after it. */
const REQUEST_TYPE_AT = 5;

/** The same request, asking for an answer: the gate needs to know. */
export function asking(frame: Uint8Array): Uint8Array {
  const type = new MessageReader(frame.subarray(LENGTH_BYTES), REQUEST_TYPE_AT).bytes();
  frame[LENGTH_BYTES + REQUEST_TYPE_AT + LENGTH_BYTES + type.length] = 1;
  return frame;
}

/** Undefined: it asks for nothing to run. */
export function readRequest(type: string, reader: MessageReader): Request | undefined {
  switch (type) {
    case 'exec': {
      const bytes = reader.bytes();
      const text = exactText(bytes);
      return { kind: 'Exec', text: text ?? textOf(bytes), isText: text !== undefined };
    }
    case 'shell':
      return { kind: 'Shell' };
    case 'subsystem':
      return { kind: 'Subsystem', name: reader.text() };
    default:
      return undefined;
  }
}

export function isSftp(request: Request): boolean {
  return request.kind === 'Subsystem' && request.name === 'sftp';
}

/** What a channel of this kind cannot do, whatever the rules. */
export function unsupportedIn({ hasTerminal }: Channel, request: Request): Refusal | undefined {
  if (request.kind === 'Subsystem' && !PLAIN_NAME.test(request.name)) {
    const reason =
      'A server may know a subsystem of such a name for another, as OpenSSH does with a zero byte at its end.';
    return { kind: 'Unsupported', rule: 'ssh', reason, hint: '' };
  }
  if (!hasTerminal || !isSftp(request)) return undefined;
  const reason = 'A terminal changes what it carries, and SFTP is no text.';
  return { kind: 'Unsupported', rule: 'ssh', reason, hint: '' };
}

/** Why masks cannot be put on what it sends; undefined: they can. */
export function unmaskableIn({ hasTerminal }: Channel, { request, judged }: Waiting): Refusal | undefined {
  const { command } = judged;
  return unmaskable({ request, hasTerminal, commands: command.protocol === 'SSH' ? command.commands : [] });
}

/** What is asked for as policy, people and the record see it. */
export function judgedOf(channel: Channel, request: Request, message: Uint8Array, lane: Lane): JudgedCommand {
  const command = classify(request);
  if (request.kind === 'Forward') {
    // Neither its number nor its window says anything about where it leads.
    const wire = writeForward(request, { number: 0, window: 0, most: 0 });
    const text = `${FORWARD} ${request.host} ${request.port}`;
    const objects = [destinationText(request)];
    return judgedCommand({ command, text, wire, verbs: [command.channel, FORWARD], objects }, lane);
  }
  const text = request.kind === 'Exec' ? request.text : request.kind === 'Subsystem' ? request.name : 'shell';
  const names = command.commands.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const verbs = [command.channel, ...(channel.hasTerminal ? ['pty'] : []), ...names];
  // The channel's number says nothing about what runs.
  const wire = Buffer.concat([...channel.preparing, message].map((one) => forwardTo(0, one)));
  return judgedCommand({ command, text, wire, verbs }, lane);
}

/** Asks for a forward (RFC 4254, section 7.2). It comes from the gate, as far as the target is told. */
export function writeForward(
  { host, port }: Destination,
  { number, window, most }: { readonly number: number; readonly window: number; readonly most: number },
): Uint8Array {
  const channel = [{ uint32: number }, { uint32: window }, { uint32: most }];
  return writeFrame(MESSAGE.channelOpen, FORWARD, ...channel, host, { uint32: port }, '127.0.0.1', { uint32: 0 });
}
