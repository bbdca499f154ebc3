/** The parts of ssh2 1.17.0 that it does not describe: its protocol without sockets, and its reader of keys. */
declare module 'ssh2/lib/protocol/Protocol.js' {
  import type { KeyObject } from 'node:crypto';

  export interface Negotiated {
    readonly kex: string;
    readonly serverHostKey: string;
    readonly cs: { readonly cipher: string };
  }

  export interface Offer {
    readonly kex: readonly string[];
    readonly serverHostKey: readonly string[];
    readonly cs: Directions;
    readonly sc: Directions;
  }

  interface Directions {
    readonly cipher: readonly string[];
    readonly mac: readonly string[];
    readonly compress: readonly string[];
    readonly lang: readonly string[];
  }

  export interface ProtocolConfig {
    readonly server: boolean;
    readonly ident: string;
    readonly offer: Offer;
    readonly hostKeys?: Readonly<Record<string, unknown>>;
    readonly hostVerifier?: (key: Buffer) => boolean;
    readonly onWrite: (bytes: Buffer) => void;
    readonly onError: (error: Error) => void;
    readonly onHeader: (header: { readonly versions: { readonly software: string } }) => void;
    readonly onHandshakeComplete: (negotiated: Negotiated) => void;
  }

  interface PacketWriter {
    readonly allocStart: number;
    alloc(payloadBytes: number): Buffer;
    finalize(packet: Buffer): Buffer;
  }

  export default class Protocol {
    constructor(config: ProtocolConfig);
    start(): void;
    parse(chunk: Uint8Array, start: number, end: number): void;
    rekey(): void;
    cleanup(): void;
    /** Takes what is in a packet; set before the first key exchange is over, it is what every later cipher calls. */
    _onPayload: (payload: Buffer) => unknown;
    readonly _kex: { readonly sessionID: Buffer } | undefined;
    /** What was said to begin a key exchange, until that is over: what is sent meanwhile is queued. */
    readonly _kexinit: Buffer | undefined;
    readonly _packetRW: { readonly write: PacketWriter };
    /** Made anew by each key exchange; those of AES-GCM make a cipher of OpenSSL for each packet, from the key that stands here. */
    readonly _cipher: { _encKey?: Buffer | KeyObject };
    readonly _decipher: { _decipherKey?: Buffer | KeyObject } | undefined;
  }
}

declare module 'ssh2/lib/protocol/utils.js' {
  import type Protocol from 'ssh2/lib/protocol/Protocol.js';

  const packets: {
    sendPacket(protocol: Protocol, packet: Buffer): boolean;
    convertSignature(signature: Buffer, keyType: string): Buffer | false | undefined;
  };
  export default packets;
}

declare module 'ssh2/lib/protocol/crypto.js' {
  const crypto: { readonly init: Promise<void> };
  export default crypto;
}

declare module 'ssh2/lib/protocol/keyParser.js' {
  export interface ParsedKey {
    readonly type: string;
    isPrivateKey(): boolean;
    getPublicSSH(): Buffer;
    sign(bytes: Uint8Array, algorithm?: string): Buffer | Error;
  }

  const keyParser: { parseKey(key: string | Buffer): ParsedKey | readonly ParsedKey[] | Error };
  export default keyParser;
}
