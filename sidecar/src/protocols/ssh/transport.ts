import { createSecretKey } from 'node:crypto';
import Ssh2Protocol, { type Negotiated, type Offer } from 'ssh2/lib/protocol/Protocol.js';
import packets from 'ssh2/lib/protocol/utils.js';
import { concatenate } from '../../concatenate.ts';
import type { Transport, TransportEnd, TransportOptions } from '../protocol.ts';
import { readFrameLength } from './codec.ts';
import { type AcceptedHostKey, type HostKey, readHostKey } from './host-key.ts';
import { LENGTH_BYTES, MESSAGE } from './messages.ts';

const IDENT = 'Sidegate_1';
/** So much goes one way under one set of keys, in bytes (RFC 4253, section 9). */
const REKEY_BYTES = 1 << 30;
/** A message from this size on costs more to copy than to deliver by itself. */
const LARGE_BYTES = 8 * 1024;
const CIPHERS = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'];
const MACS = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'];
const KEY_EXCHANGES = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group14-sha256',
];
const HOST_KEYS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** Nothing is offered that compresses: its state would have to be kept for each direction, and lengths tell what was compressed. */
function offerOf(serverHostKey: readonly string[]): Offer {
  const direction = { cipher: CIPHERS, mac: MACS, compress: ['none'], lang: [] };
  return { kex: KEY_EXCHANGES, serverHostKey, cs: direction, sc: direction };
}

/** Algorithms by which a key of this type may sign. */
function algorithmsOf(type: string): readonly string[] {
  return type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type];
}

/**
 * SSH's own transport (RFC 4253) between a socket and a session: version exchange, key exchange and re-key, ciphers. What the session reads and
 * writes are frames, each a length of four bytes and one message. It makes its own randomness; everything else here is sans-io.
 */
export class SshTransport implements Transport {
  readonly #protocol: Ssh2Protocol;
  readonly #end: TransportEnd;
  #frames: Uint8Array[] = [];
  #peer = '';
  #secured = false;
  #over = false;
  #why = '';
  #bytes = { sent: 0, received: 0 };
  #waitingBytes = 0;

  /** `hostKey`: ours, towards an agent; undefined towards a target, which shows its own. */
  constructor(options: TransportOptions, end: TransportEnd, hostKey: HostKey | undefined) {
    this.#end = end;
    const accepted = options.hostKeys.map(readHostKey).flatMap((key) => (key.ok ? [key.value] : []));
    const types = hostKey === undefined ? accepted.map(({ type }) => type) : [hostKey.key.type];
    const offered = HOST_KEYS.filter((name) => types.some((type) => algorithmsOf(type).includes(name)));
    this.#protocol = new Ssh2Protocol({
      server: hostKey !== undefined,
      ident: IDENT,
      offer: offerOf(offered),
      ...(hostKey === undefined
        ? { hostVerifier: (shown) => this.#verify(accepted, shown) }
        : { hostKeys: { [hostKey.key.type]: hostKey.key } }),
      onWrite: (bytes) => {
        if (!this.#over) end.write(bytes);
      },
      onError: (error) => {
        this.#why ||= error.message;
      },
      onHeader: ({ versions }) => {
        this.#peer = versions.software;
      },
      onHandshakeComplete: (negotiated) => this.#handshakeDone(negotiated),
    });
    const transportPayload = this.#protocol._onPayload;
    this.#protocol._onPayload = (payload) => {
      const type = payload[0] ?? 0;
      if (type === MESSAGE.ignore || type === MESSAGE.debug || type === MESSAGE.extensionInfo) return undefined;
      if (type === MESSAGE.unimplemented) return undefined;
      if (type >= MESSAGE.keyExchangeInit && type <= MESSAGE.keyExchangeLast) return transportPayload(payload);
      this.#keep(payload);
      return undefined;
    };
  }

  start(): void {
    this.#attempt(() => this.#protocol.start());
  }

  receive(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#bytes.received += bytes.length;
    this.#attempt(() => this.#protocol.parse(bytes, 0, bytes.length));
    this.#keepKeys();
    this.#deliver();
    this.#rekeyWhenDue();
  }

  send(frames: Uint8Array): void {
    let at = 0;
    while (at + LENGTH_BYTES <= frames.length && !this.#over) {
      const start = at + LENGTH_BYTES;
      at = start + readFrameLength(frames, at);
      this.#attempt(() => this.#sendMessage(frames.subarray(start, at)));
    }
    this.#bytes.sent += frames.length;
    this.#rekeyWhenDue();
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#protocol.cleanup();
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  #sendMessage(message: Uint8Array): void {
    if (this.#protocol._kexinit !== undefined) this.#waitingBytes += message.length;
    const { write } = this.#protocol._packetRW;
    const packet = write.alloc(message.length);
    packet.set(message, write.allocStart);
    packets.sendPacket(this.#protocol, write.finalize(packet));
  }

  #keep(payload: Uint8Array): void {
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt32BE(payload.length);
    this.#frames.push(length, payload);
  }

  /** From bytes, Node.js makes the key again for each packet, which takes longer than to encrypt a small one. */
  #keepKeys(): void {
    const { _cipher: cipher, _decipher: decipher } = this.#protocol;
    if (Buffer.isBuffer(cipher._encKey)) cipher._encKey = createSecretKey(cipher._encKey);
    if (Buffer.isBuffer(decipher?._decipherKey)) decipher._decipherKey = createSecretKey(decipher._decipherKey);
  }

  /** All messages of one read at once, but for large ones, which are not copied: each was decrypted into a buffer of its own. */
  #deliver(): void {
    const frames = this.#frames;
    this.#frames = [];
    let from = 0;
    for (let at = 0; at <= frames.length && !this.#over; at += 1) {
      const frame = frames[at];
      if (frame !== undefined && frame.length < LARGE_BYTES) continue;
      if (at > from) this.#end.receive(concatenate(frames.slice(from, at)));
      if (frame !== undefined) this.#end.receive(frame);
      from = at + 1;
    }
  }

  #handshakeDone(negotiated: Negotiated): void {
    this.#waitingBytes = 0;
    if (this.#secured) return;
    this.#secured = true;
    const binding = Uint8Array.from(this.#protocol._kex?.sessionID ?? []);
    const cipher = negotiated.cs.cipher;
    this.#end.secured({ peer: this.#peer.slice(0, 128), cipher, binding });
  }

  #verify(accepted: readonly AcceptedHostKey[], shown: Buffer): boolean {
    const isKnown = accepted.some(({ blob }) => shown.equals(blob));
    if (!isKnown) this.#why = 'It shows a host key that the Target does not name in ssh.hostKeys.';
    return isKnown;
  }

  #rekeyWhenDue(): void {
    if (this.#over || !this.#secured) return;
    if (this.#bytes.sent < REKEY_BYTES && this.#bytes.received < REKEY_BYTES) return;
    this.#bytes = { sent: 0, received: 0 };
    this.#attempt(() => this.#protocol.rekey());
  }

  /** What the peer sends may make the library throw: that is the peer's fault, and the end. */
  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#why ||= error instanceof Error ? error.message : String(error);
    }
    if (this.#why === '' || this.#over) return;
    this.#deliver();
    this.close();
    this.#end.failed(this.#why);
  }
}
