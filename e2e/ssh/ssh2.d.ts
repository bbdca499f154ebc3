/** The parts of ssh2 1.17.0 that agents of tests and the relay of the benchmark use; it brings no types of its own. */
declare module 'ssh2' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';
  import type { Duplex, Readable, Writable } from 'node:stream';

  export interface ClientOptions {
    readonly host?: string;
    readonly port?: number;
    readonly sock?: Socket;
    readonly username: string;
    readonly password?: string;
    readonly privateKey?: string;
    /** Gets the key as it stands in known_hosts, decoded. */
    readonly hostVerifier: (key: Buffer) => boolean;
    readonly readyTimeout?: number;
    readonly algorithms?: Readonly<Record<string, readonly string[]>>;
  }

  /** A channel of a client: what is written goes to the program, what is read comes from it. */
  export interface ClientChannel extends Duplex {
    readonly stderr: Readable;
    signal(name: string): void;
  }

  type Opened = (error: Error | undefined, channel: ClientChannel) => void;

  export class Client extends EventEmitter {
    connect(options: ClientOptions): this;
    exec(command: string, opened: Opened): boolean;
    subsys(name: string, opened: Opened): boolean;
    forwardOut(fromHost: string, fromPort: number, host: string, port: number, opened: Opened): this;
    rekey(done: (error?: Error) => void): void;
    setNoDelay(noDelay: boolean): this;
    end(): this;
    destroy(): this;
  }

  /** A channel of a server: what is written comes from the program. */
  export interface ServerChannel extends Duplex {
    readonly stderr: Writable;
    exit(code: number): void;
    exit(signal: string, coreDumped?: boolean, message?: string): void;
  }

  type Request = (protocol: unknown, recipient: number, type: string, isAnswered: boolean, data: unknown) => void;

  /** A connection to a server. */
  export interface ServerClient extends EventEmitter {
    /** Not public: what is called with each message that was read. */
    readonly _protocol: { readonly _handlers: { CHANNEL_REQUEST: Request } };
    setNoDelay(noDelay: boolean): this;
    end(): void;
  }

  export interface Server {
    listen(port: number, host: string, listening: () => void): this;
    address(): { readonly port: number };
  }

  interface ServerConstructor {
    new (options: { readonly hostKeys: readonly string[] }, connected: (client: ServerClient) => void): Server;
  }

  const ssh2: { readonly Client: typeof Client; readonly Server: ServerConstructor };
  export default ssh2;
}
