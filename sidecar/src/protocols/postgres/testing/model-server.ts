import { BodyReader, FRAME, FrameScanner } from '../codec.ts';
import {
  bindComplete,
  closeComplete,
  complete,
  emptyQuery,
  error,
  noData,
  parameters,
  parseComplete,
  portalSuspended,
  ready,
  row,
  rows,
} from './frames.ts';

const SHAPE = rows({ name: 'a', table: 100, attribute: 1 });
const ROW_COUNT = 2;

/**
 * A server in small: it keeps names and transactions as PostgreSQL does, and errors skip to Sync. Texts: `rows` gives two rows, `none`
 * gives none, `fail` fails when it runs, `bad` fails when it is parsed, `begin`, `commit`, `rollback`.
 */
export class ModelServer {
  readonly #scanner = new FrameScanner(1 << 20, false);
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, { readonly text: string; given: number }>();
  #transaction: 'I' | 'T' | 'E' = 'I';
  #skipping = false;
  #answer: Uint8Array[] = [];

  receive(bytes: Uint8Array): Uint8Array {
    this.#scanner.feed(bytes);
    this.#answer = [];
    while (this.#scanner.next() === 'Frame') this.#take(this.#scanner.type);
    return Buffer.concat(this.#answer);
  }

  #take(type: number): void {
    if (this.#skipping && type !== FRAME.sync) return;
    const { buffer, start, end } = this.#scanner;
    const body = new BodyReader(buffer, start + 5, end);
    switch (type) {
      case FRAME.query:
        this.#query(body.string());
        break;
      case FRAME.parse:
        this.#parse(body.string(), body.string());
        break;
      case FRAME.bind:
        this.#bind(body.string(), body.string());
        break;
      case FRAME.describe:
        this.#describe(body.byte() === 0x53, body.string());
        break;
      case FRAME.execute:
        this.#execute(body.string(), body.int32());
        break;
      case FRAME.close: {
        const map = body.byte() === 0x53 ? this.#statements : this.#portals;
        map.delete(body.string());
        this.#say(closeComplete);
        break;
      }
      case FRAME.sync:
        this.#skipping = false;
        this.#ready();
        break;
      default:
    }
  }

  #query(text: string): void {
    if (text === '') this.#say(emptyQuery);
    else if (text === 'bad') this.#error('42601');
    else if (this.#transaction === 'E' && text !== 'rollback' && text !== 'commit') this.#error('25P02');
    else {
      if (text === 'rows') this.#say(SHAPE);
      this.#run(text, { text, given: 0 }, 0);
    }
    this.#skipping = false;
    this.#ready();
  }

  #parse(name: string, text: string): void {
    if (name === '') this.#statements.delete('');
    if (text === 'bad') return this.#fail('42601');
    if (name !== '' && this.#statements.has(name)) return this.#fail('42P05');
    this.#statements.set(name, text);
    return this.#say(parseComplete);
  }

  #bind(portal: string, name: string): void {
    const text = this.#statements.get(name);
    if (text === undefined) return this.#fail('26000');
    if (this.#transaction === 'E' && text !== 'rollback' && text !== 'commit') return this.#fail('25P02');
    if (portal !== '' && this.#portals.has(portal)) return this.#fail('42P03');
    this.#portals.set(portal, { text, given: 0 });
    return this.#say(bindComplete);
  }

  #describe(statement: boolean, name: string): void {
    const text = statement ? this.#statements.get(name) : this.#portals.get(name)?.text;
    if (text === undefined) return this.#fail(statement ? '26000' : '34000');
    if (statement) this.#say(parameters());
    return this.#say(text === 'rows' ? SHAPE : noData);
  }

  #execute(name: string, max: number): void {
    const portal = this.#portals.get(name);
    if (portal === undefined) return this.#fail('34000');
    return this.#run(portal.text, portal, max);
  }

  #run(text: string, portal: { readonly text: string; given: number }, max: number): void {
    switch (text) {
      case '':
        return this.#say(emptyQuery);
      case 'rows': {
        const wanted = max === 0 ? ROW_COUNT : Math.min(ROW_COUNT, portal.given + max);
        let count = 0;
        for (; portal.given < wanted; portal.given++, count++) this.#say(row(`secret ${portal.given}`));
        if (max > 0 && count === max) return this.#say(portalSuspended);
        return this.#say(complete(`SELECT ${count}`));
      }
      case 'fail':
        return this.#fail('22012');
      case 'begin':
        if (this.#transaction === 'I') this.#transaction = 'T';
        return this.#say(complete('BEGIN'));
      case 'commit':
      case 'rollback': {
        const tag = this.#transaction === 'E' || text === 'rollback' ? 'ROLLBACK' : 'COMMIT';
        this.#transaction = 'I';
        this.#portals.clear();
        return this.#say(complete(tag));
      }
      default:
        return this.#say(complete('INSERT 0 1'));
    }
  }

  #fail(code: string): void {
    this.#error(code);
    this.#skipping = true;
  }

  #error(code: string): void {
    if (this.#transaction === 'T') this.#transaction = 'E';
    this.#say(error(code, `error ${code}`));
  }

  #ready(): void {
    if (this.#transaction === 'I') this.#portals.clear();
    this.#say(ready(this.#transaction));
  }

  #say(bytes: Uint8Array): void {
    this.#answer.push(bytes);
  }
}
