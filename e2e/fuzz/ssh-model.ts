import { Fields, frame, readFrames } from './ssh-wire.ts';

/** What the masks of the fuzzers hide. */
export const ADDRESS = 'ada@example.com';

/** What a model of a program writes, in the pieces in which it writes them: output, and error output. */
const PROGRAMS: Readonly<Record<string, readonly (readonly [stderr: boolean, text: string])[]>> = {
  'cat customers': [
    [false, 'Ada ada@exam'],
    [true, 'note\n'],
    [false, 'ple.com, a customer\n'],
  ],
  'cat mails': [[true, `${ADDRESS}\n${ADDRESS}`]],
  yes: [[false, 'y\n'.repeat(400)]],
  uptime: [[false, 'up\n']],
};

interface ModelChannel {
  readonly gateNumber: number;
  /** What the gate takes, in bytes, in all and in one packet. */
  window: number;
  readonly packetMax: number;
  /** What the gate may send. */
  granted: number;
  waiting: (readonly [stderr: boolean, text: string])[];
  /** It leads on, and runs nothing. */
  readonly isForward: boolean;
  hasRun: boolean;
  /** It reads its input to the end and says it again. */
  isEcho: boolean;
  isOver: boolean;
  isStatusTold: boolean;
  isClosing: boolean;
  eof: boolean;
}

const GRANT = 64;
/** Where nobody listens. */
const CLOSED = 'closed.internal 1';

/** A connection to a model of sshd: it logs in whoever asks, opens channels with small windows, and runs programs that write what it knows of them. */
export class SshModel {
  /** Texts of what ran: an exec's, `shell`, or `subsystem NAME`; and of what was led on, `forward HOST PORT`. */
  readonly ran: string[] = [];
  /** Requests and channels that no gate of ours may ask for. */
  readonly unwanted: string[] = [];
  /** What the gate did that RFC 4254 forbids. */
  readonly breaches: string[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #out: Uint8Array[] = [];
  readonly #channels = new Map<number, ModelChannel>();
  #next = 100;

  receive(bytes: Uint8Array): Uint8Array {
    const { messages, rest } = readFrames(Buffer.concat([this.#rest, bytes]));
    this.#rest = rest;
    this.#out = [];
    for (const message of messages) this.#take(message[0] ?? 0, new Fields(message));
    return Buffer.concat(this.#out);
  }

  #say(...parts: Parameters<typeof frame>): void {
    this.#out.push(frame(...parts));
  }

  #take(type: number, fields: Fields): void {
    switch (type) {
      case 5:
        return this.#say(6, fields.text());
      case 50:
        return this.#say(52);
      case 80:
        this.unwanted.push(`global ${fields.text()}`);
        return undefined;
      case 82:
      case 1:
        return undefined;
      case 90:
        return this.#open(fields);
      default:
        return this.#inChannel(type, fields);
    }
  }

  #open(fields: Fields): void {
    const type = fields.text();
    const gateNumber = fields.number();
    const window = fields.number();
    const packetMax = fields.number();
    const isForward = type === 'direct-tcpip';
    if (isForward) {
      const place = `${fields.text()} ${fields.number()}`;
      this.ran.push(`forward ${place}`);
      if (place !== CLOSED && place !== 'db.internal 5432') this.unwanted.push(`forward to ${place}`);
      if (place === CLOSED) return this.#say(92, gateNumber, 2, 'Connection refused', '');
    } else if (type !== 'session') this.unwanted.push(`channel ${type}`);
    const number = (this.#next += 1);
    this.#channels.set(number, {
      gateNumber,
      window,
      packetMax,
      granted: GRANT,
      waiting: [],
      isForward,
      // A forward leads to what gives back all that it gets, and has no status.
      hasRun: isForward,
      isEcho: isForward,
      isOver: isForward,
      isStatusTold: isForward,
      isClosing: false,
      eof: false,
    });
    return this.#say(91, gateNumber, number, GRANT, 32);
  }

  #inChannel(type: number, fields: Fields): void {
    const number = fields.number();
    const channel = this.#channels.get(number);
    if (channel === undefined) {
      this.breaches.push(`a message of type ${type} for no channel`);
      return;
    }
    if (type === 93) channel.window += fields.number();
    else if (type === 94) this.#input(channel, fields.text());
    else if (type === 96) channel.eof = true;
    else if (type === 98) return this.#request(channel, fields);
    else if (type === 97) {
      if (!channel.isClosing) this.#say(97, channel.gateNumber);
      this.#channels.delete(number);
      return undefined;
    } else this.breaches.push(`a message of type ${type} in a channel`);
    this.#flow(channel);
  }

  #input(channel: ModelChannel, text: string): void {
    if (!channel.hasRun) this.breaches.push('input of nothing that runs');
    if (channel.eof) this.breaches.push('input behind its end');
    if (text.length > channel.granted || text.length > 32) this.breaches.push('more input than was granted');
    channel.granted -= text.length;
    if (channel.isEcho) channel.waiting.push([false, text]);
    if (channel.granted > GRANT / 2 || channel.isClosing) return;
    channel.granted += GRANT;
    this.#say(93, channel.gateNumber, GRANT);
  }

  #request(channel: ModelChannel, fields: Fields): void {
    const type = fields.text();
    const wantsReply = fields.flag();
    const start = startOf(type, fields);
    if (channel.isForward) this.breaches.push(`a request ${type} in a forward`);
    else if (start !== undefined) {
      if (channel.hasRun) this.breaches.push('a second command in one channel');
      channel.hasRun = true;
      this.ran.push(start);
      channel.waiting.push(...(PROGRAMS[start] ?? [[false, `${start}\n`]]));
      channel.isEcho = start === 'cat';
      channel.isOver = true;
    } else if (type === 'env') {
      const name = fields.text();
      if (!/^(LANG|LC_[A-Z]+|TERM|TZ)$/.test(name)) this.unwanted.push(`env ${name}`);
    } else if (type === 'pty-req') this.unwanted.push(type);
    else if (!['window-change', 'signal', 'break'].includes(type)) this.unwanted.push(`request ${type}`);
    if (wantsReply && !channel.isClosing) this.#say(99, channel.gateNumber);
    this.#flow(channel);
  }

  /** Once, when the program has ended: like sshd, also while output of it waits. */
  #tellStatus(channel: ModelChannel): void {
    if (!channel.isOver || channel.isStatusTold || (channel.isEcho && !channel.eof)) return;
    channel.isStatusTold = true;
    this.#say(98, channel.gateNumber, 'exit-status', false, 0);
  }

  /** As much as the gate takes; then how it ended. */
  #flow(channel: ModelChannel): void {
    const { gateNumber, packetMax } = channel;
    for (let [first] = channel.waiting; first !== undefined; [first] = channel.waiting) {
      const room = Math.min(channel.window, packetMax);
      if (room === 0) return this.#tellStatus(channel);
      const [stderr, text] = first;
      const piece = text.slice(0, room);
      channel.window -= piece.length;
      if (stderr) this.#say(95, gateNumber, 1, piece);
      else this.#say(94, gateNumber, piece);
      if (piece.length < text.length) channel.waiting[0] = [stderr, text.slice(room)];
      else channel.waiting.shift();
    }
    if (!channel.isOver || channel.isClosing || (channel.isEcho && !channel.eof)) return;
    channel.isClosing = true;
    this.#tellStatus(channel);
    this.#say(96, gateNumber);
    this.#say(97, gateNumber);
  }
}

/** What a request starts; undefined: nothing. */
function startOf(type: string, fields: Fields): string | undefined {
  if (type === 'exec') return fields.text();
  if (type === 'shell') return 'shell';
  return type === 'subsystem' ? `subsystem ${fields.text()}` : undefined;
}
