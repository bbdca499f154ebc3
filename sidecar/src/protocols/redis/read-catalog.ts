import { fail, ok } from '@sidegate/crds';
import type { CatalogConversation, CatalogRequest, CatalogStep } from '../protocol.ts';
import { writeCommand } from './codec.ts';
import { catalogOf, committedCatalog } from './command-catalog.ts';
import { ReplyReader } from './reply-reader.ts';
import { ReplyBuilder } from './reply-value.ts';
import { writeLogin } from './target-login.ts';

/** A server with many modules describes itself in less. */
const REPLY_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Asks a server for its commands: logs in, then COMMAND. One whose account may not run COMMAND has the commands of the committed table. Sans-io.
 * Fault: `CatalogUnavailable`.
 */
export class CatalogReading implements CatalogConversation {
  readonly #request: CatalogRequest;
  readonly #reader = new ReplyReader(REPLY_BYTES_MAX);
  readonly #builder = new ReplyBuilder(this.#reader);
  #phase: 'Login' | 'Asking' | 'Over' = 'Login';

  constructor(request: CatalogRequest) {
    this.#request = request;
  }

  connected(): readonly CatalogStep[] {
    return this.#request.tls ? [{ kind: 'StartTls' }] : this.#login();
  }

  secured(): readonly CatalogStep[] {
    return this.#login();
  }

  receive(bytes: Uint8Array): readonly CatalogStep[] {
    if (this.#phase === 'Over') return [];
    this.#reader.feed(bytes);
    const steps: CatalogStep[] = [];
    while (this.#phase === 'Login' || this.#phase === 'Asking') {
      const reply = this.#builder.next();
      if (reply === 'More') break;
      if (reply === undefined) return this.#failed('it sent what is no reply');
      if (this.#phase === 'Asking') {
        this.#phase = 'Over';
        const catalog = (reply.kind === 'Error' ? undefined : catalogOf(reply)) ?? committedCatalog();
        return [{ kind: 'Done', catalog: ok(catalog) }];
      }
      if (reply.kind === 'Error') return this.#failed('it does not take the credential');
      steps.push(this.#ask());
    }
    return steps;
  }

  #login(): readonly CatalogStep[] {
    const login = writeLogin(this.#request.credential, undefined);
    return login === undefined ? [this.#ask()] : [{ kind: 'Send', bytes: login }];
  }

  #ask(): CatalogStep {
    this.#phase = 'Asking';
    return { kind: 'Send', bytes: writeCommand(['COMMAND']) };
  }

  #failed(why: string): readonly CatalogStep[] {
    this.#phase = 'Over';
    const message = `The target's commands cannot be read: ${why}.`;
    return [{ kind: 'Done', catalog: fail({ code: 'CatalogUnavailable', message }) }];
  }
}
