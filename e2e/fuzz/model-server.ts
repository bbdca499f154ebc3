import { type CutFrame, cutFrames, type ResultColumn, SERVER } from './postgres-frames.ts';

/** The relation whose second column is masked, and what that column holds. */
export const SECRET_TABLE = 16_385;
export const SECRET = 'SECRET-4711';

/** One statement that the model understands. */
interface Answer {
  readonly columns?: readonly ResultColumn[];
  readonly rows?: readonly (readonly (string | null)[])[];
  readonly tag: string;
}

const column = (name: string, table = 0, attribute = 0): ResultColumn => ({ name, table, attribute });

const ANSWERS: Readonly<Record<string, Answer>> = {
  'select one': { columns: [column('one')], rows: [['1']], tag: 'SELECT 1' },
  'select none': { columns: [column('one')], rows: [], tag: 'SELECT 0' },
  'select many': {
    columns: [column('a'), column('b')],
    rows: [
      ['1', null],
      ['2', ''],
      ['3', 'x'],
      ['4', 'y'],
    ],
    tag: 'SELECT 4',
  },
  'select secret': {
    columns: [column('id', SECRET_TABLE, 1), column('ssn', SECRET_TABLE, 2)],
    rows: [
      ['1', SECRET],
      ['2', SECRET],
    ],
    tag: 'SELECT 2',
  },
  'insert row': { tag: 'INSERT 0 1' },
  'create table': { tag: 'CREATE TABLE' },
  'set name': { tag: 'SET' },
  'notify me': { tag: 'NOTIFY' },
  'denied row': { tag: 'DELETE 1' },
};

/** Texts of one statement each. */
export const STATEMENTS: readonly string[] = [
  ...Object.keys(ANSWERS),
  '',
  'begin',
  'commit',
  'rollback',
  'fail now',
  'copy out',
  'copy in',
  'syntax',
];

interface Portal {
  readonly text: string;
  next: number;
}

/** PostgreSQL as far as frames are concerned: statements, portals, transactions, COPY, the skip to Sync, and its habit to hold answers back until Sync or Flush. */
export class ModelServer {
  closed = false;
  #rest: Uint8Array = new Uint8Array(0);
  #started = false;
  #status = 'I';
  #skipping = false;
  /** Statements of a simple query that are still to run; undefined outside one. */
  #simple: string[] | undefined;
  #copying: 'Simple' | 'Extended' | undefined;
  #copied = 0;
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, Portal>();
  #held: Uint8Array[] = [];
  #out: Uint8Array[] = [];

  /** What the server answers to these bytes at once. */
  receive(bytes: Uint8Array): Uint8Array {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (!this.#started) this.#start();
    if (this.#started) {
      const { frames, rest } = cutFrames(this.#rest);
      this.#rest = rest;
      for (const each of frames) if (!this.closed) this.#frame(each);
    }
    const out = Buffer.concat(this.#out);
    this.#out = [];
    return out;
  }

  #start(): void {
    const view = Buffer.from(this.#rest);
    if (view.length < 4 || view.length < view.readInt32BE(0)) return;
    this.#rest = view.subarray(view.readInt32BE(0));
    this.#started = true;
    this.#hold(SERVER.authenticated());
    this.#hold(SERVER.status('client_encoding', 'UTF8'), SERVER.status('search_path', '"$user", public'));
    this.#hold(SERVER.status('standard_conforming_strings', 'on'), SERVER.key(), SERVER.ready('I'));
    this.#flush();
  }

  #frame({ letter, body }: CutFrame): void {
    if (letter === 'X') this.closed = true;
    else if (this.#copying !== undefined) this.#copyFrame(letter, body);
    else if (letter === 'S') this.#sync();
    else if (letter === 'H') this.#flush();
    else if (!this.#skipping) this.#commandFrame(letter, body);
  }

  #commandFrame(letter: string, body: Uint8Array): void {
    const [first = '', second = ''] = Buffer.from(body).toString('utf8').split('\0');
    switch (letter) {
      case 'Q':
        this.#statements.delete('');
        this.#portals.delete('');
        this.#simple = first.split(';');
        return this.#runSimple();
      case 'P':
        return this.#parse(first, second);
      case 'B':
        return this.#bind(first, second);
      case 'D':
        return this.#describe(first.slice(0, 1), first.slice(1));
      case 'E':
        return this.#execute(first, Buffer.from(body).readInt32BE(body.length - 4));
      case 'C':
        (first.startsWith('S') ? this.#statements : this.#portals).delete(first.slice(1));
        return this.#hold(SERVER.closeComplete());
      default:
        // CopyData, CopyDone and CopyFail outside a COPY are dropped.
        return undefined;
    }
  }

  #parse(name: string, text: string): void {
    // The unnamed statement is gone as soon as another is tried.
    if (name === '') this.#statements.delete('');
    if (text === 'syntax') return this.#fail('42601', 'syntax error');
    if (name !== '' && this.#statements.has(name)) return this.#fail('42P05', `statement ${name} exists`);
    if (this.#isRefused(text)) return this.#fail('25P02', 'transaction is aborted');
    this.#statements.set(name, text);
    return this.#hold(SERVER.parseComplete());
  }

  #bind(portal: string, statement: string): void {
    const text = this.#statements.get(statement);
    if (text === undefined) return this.#fail('26000', `no statement ${statement}`);
    if (portal !== '' && this.#portals.has(portal)) return this.#fail('42P03', `portal ${portal} exists`);
    if (this.#isRefused(text)) return this.#fail('25P02', 'transaction is aborted');
    this.#portals.set(portal, { text, next: 0 });
    return this.#hold(SERVER.bindComplete());
  }

  #describe(what: string, name: string): void {
    const text = what === 'S' ? this.#statements.get(name) : this.#portals.get(name)?.text;
    if (text === undefined) return this.#fail(what === 'S' ? '26000' : '34000', `no ${name}`);
    if (what === 'S') this.#hold(SERVER.parameters());
    const columns = ANSWERS[text]?.columns;
    if (columns !== undefined && this.#isRefused(text)) return this.#fail('25P02', 'transaction is aborted');
    return this.#hold(columns === undefined ? SERVER.noData() : SERVER.columns(columns));
  }

  #execute(name: string, rowsMax: number): void {
    const portal = this.#portals.get(name);
    if (portal === undefined) return this.#fail('34000', `no portal ${name}`);
    if (portal.text === 'copy in') {
      this.#copying = 'Extended';
      this.#hold(SERVER.copyIn(1));
      return this.#flush();
    }
    const answer = ANSWERS[portal.text];
    if (answer?.rows === undefined) return this.#run(portal.text, false);
    if (this.#isRefused(portal.text)) return this.#fail('25P02', 'transaction is aborted');
    const end = rowsMax > 0 ? Math.min(portal.next + rowsMax, answer.rows.length) : answer.rows.length;
    const rows = answer.rows.slice(portal.next, end);
    portal.next = end;
    this.#hold(...rows.map(SERVER.row));
    return this.#hold(
      rowsMax > 0 && rows.length === rowsMax ? SERVER.suspended() : SERVER.complete(`SELECT ${rows.length}`),
    );
  }

  /** Runs what is left of a simple query. */
  #runSimple(): void {
    while (this.#simple !== undefined && this.#simple.length > 0 && this.#copying === undefined) {
      const text = this.#simple.shift() ?? '';
      if (text === 'copy in' && !this.#isRefused(text)) {
        this.#copying = 'Simple';
        this.#hold(SERVER.copyIn(1));
        return this.#flush();
      }
      this.#run(text, true);
    }
    if (this.#simple === undefined || this.#copying !== undefined) return undefined;
    this.#simple = undefined;
    if (this.#status === 'I') this.#portals.clear();
    this.#hold(SERVER.ready(this.#status));
    return this.#flush();
  }

  #run(text: string, isSimple: boolean): void {
    if (text === '') return this.#hold(SERVER.empty());
    if (text === 'syntax') return this.#fail('42601', 'syntax error');
    if (this.#isRefused(text)) return this.#fail('25P02', 'transaction is aborted');
    if (text === 'fail now') return this.#fail('P0001', 'it fails');
    if (text === 'begin') return this.#endWith('BEGIN', 'T', false);
    if (text === 'commit') return this.#endWith(this.#status === 'E' ? 'ROLLBACK' : 'COMMIT', 'I', true);
    if (text === 'rollback') return this.#endWith('ROLLBACK', 'I', true);
    if (text === 'copy out') {
      this.#hold(SERVER.copyOut(1), copyData('a\n'), copyData('b\n'), copyDone());
      return this.#hold(SERVER.complete('COPY 2'));
    }
    const answer = ANSWERS[text];
    if (answer === undefined) return this.#fail('42601', `not understood: ${text}`);
    if (isSimple && answer.columns !== undefined) this.#hold(SERVER.columns(answer.columns));
    this.#hold(...(answer.rows ?? []).map(SERVER.row), SERVER.complete(answer.tag));
    if (text === 'set name') this.#hold(SERVER.status('application_name', 'x'));
    if (text === 'notify me') this.#hold(SERVER.notification('c', 'p'));
    return undefined;
  }

  #endWith(tag: string, status: string, clears: boolean): void {
    this.#status = status;
    if (clears) this.#portals.clear();
    this.#hold(SERVER.complete(tag));
  }

  #copyFrame(letter: string, body: Uint8Array): void {
    switch (letter) {
      case 'd':
        this.#copied += 1;
        return undefined;
      case 'c':
        this.#hold(SERVER.complete(`COPY ${this.#copied}`));
        return this.#endCopy();
      case 'f':
        return this.#failCopy(`COPY failed: ${Buffer.from(body.subarray(0, -1)).toString()}`);
      case 'S':
      case 'H':
        return undefined;
      default:
        return this.#failCopy('unexpected message during COPY');
    }
  }

  #failCopy(message: string): void {
    this.#fail('57014', message);
    return this.#endCopy();
  }

  #endCopy(): void {
    const isSimple = this.#copying === 'Simple';
    this.#copying = undefined;
    this.#copied = 0;
    if (isSimple) this.#runSimple();
  }

  #sync(): void {
    this.#skipping = false;
    if (this.#status === 'I') this.#portals.clear();
    this.#hold(SERVER.ready(this.#status));
    this.#flush();
  }

  #isRefused(text: string): boolean {
    return this.#status === 'E' && text !== 'commit' && text !== 'rollback' && text !== '';
  }

  /** An error: the rest of a simple query, or all frames up to Sync, are dropped; an open transaction is aborted. */
  #fail(code: string, message: string): void {
    this.#hold(SERVER.error(code, message));
    this.#flush();
    if (this.#status === 'T') this.#status = 'E';
    if (this.#status === 'I') this.#portals.clear();
    if (this.#simple === undefined) this.#skipping = true;
    else this.#simple = [];
  }

  #hold(...frames: readonly Uint8Array[]): void {
    this.#held.push(...frames);
  }

  #flush(): void {
    this.#out.push(...this.#held);
    this.#held = [];
  }
}

function copyData(text: string): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeInt32BE(text.length + 4);
  return Buffer.concat([Buffer.from('d'), length, Buffer.from(text)]);
}

function copyDone(): Uint8Array {
  return Buffer.from('c\0\0\0\x04', 'latin1');
}
