import { writeFrame } from '../codec.ts';
import { LENGTH_BYTES } from '../messages.ts';
import type { Answer, HandleName } from './codec.ts';
import { type SftpLane, uint64 } from './lane.ts';
import { PACKET, STATUS } from './messages.ts';

/** What is asked for at once at most, in bytes: every server can give as much in one answer (draft-ietf-secsh-filexfer-02, section 3). */
const PIECE_BYTES_MAX = 32 * 1024;
/** So many pieces are asked for at most before the first of them is there: a file of which little is read costs little. */
const PIECES_AHEAD_MAX = 8;
/** So many answers the server may owe, with those that are for nobody any more. */
const OWED_MAX = 2 * PIECES_AHEAD_MAX;

type Status = Extract<Answer, { readonly kind: 'Status' }>;

interface Piece {
  readonly length: number;
  answer: Answer | undefined;
}

/** What comes of it, in the order of the file. */
interface Taker {
  push(bytes: Uint8Array): void;
  end(): void;
}

/** Reads a file from its start to its end in questions of the gate's own. */
export class Fetch {
  readonly #lane: SftpLane;
  readonly #handle: HandleName;
  /** Undefined: nobody wants more. */
  #taker: Taker | undefined;
  /** Asked for and not passed on, in the order of the file. */
  #pieces: Piece[] = [];
  /** Up to where all was passed on, and asked for. */
  #passedOn = 0;
  #asked = 0;
  /** What is asked for at once, as the server gives it: less from what is no file on a disk. */
  #pieceBytes = PIECE_BYTES_MAX;
  /** How many pieces are asked for ahead: more with each that comes whole. */
  #ahead = 1;
  #owed = 0;
  #isOver = false;
  #failure: Status | undefined;

  constructor(lane: SftpLane, handle: HandleName, taker: Taker) {
    this.#lane = lane;
    this.#handle = handle;
    this.#taker = taker;
  }

  /** What the server said in place of the next piece, once: after it the same is asked for again. */
  takeFailure(): Status | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  /** Asks for more. */
  more(): void {
    if (this.#isOver || this.#failure !== undefined) return;
    while (this.#pieces.length < this.#ahead && this.#owed < OWED_MAX) this.#ask();
  }

  /** Nobody wants more: what the server still owes is for nobody. */
  stop(): void {
    this.#isOver = true;
    this.#taker = undefined;
    this.#restart();
  }

  #ask(): void {
    const piece: Piece = { length: this.#pieceBytes, answer: undefined };
    const handle = Buffer.from(this.#handle, 'latin1');
    const fields = [{ uint32: 0 }, handle, uint64(this.#asked), { uint32: piece.length }];
    this.#pieces.push(piece);
    this.#asked += piece.length;
    this.#owed += 1;
    this.#lane.send({ kind: 'Question' }, writeFrame(PACKET.read, ...fields).subarray(LENGTH_BYTES), {
      kind: 'Data',
      take: (answer) => {
        if (answer.kind === 'Data' && (answer.data.length === 0 || answer.data.length > piece.length)) return false;
        this.#owed -= 1;
        piece.answer = answer;
        this.#passOn();
        return true;
      },
    });
  }

  #passOn(): void {
    for (let [first] = this.#pieces; first?.answer !== undefined; [first] = this.#pieces) {
      const { answer, length } = first;
      if (answer.kind !== 'Data') return this.#end(answer);
      const { data } = answer;
      this.#pieces.shift();
      this.#passedOn += data.length;
      const isShort = data.length < length;
      this.#pieceBytes = isShort ? data.length : Math.min(PIECE_BYTES_MAX, 2 * this.#pieceBytes);
      this.#ahead = isShort ? 1 : Math.min(PIECES_AHEAD_MAX, 2 * this.#ahead);
      // What was asked for behind a shorter answer does not follow it.
      if (isShort) this.#restart();
      this.#taker?.push(data);
    }
  }

  #end(answer: Answer): void {
    this.#restart();
    if (answer.kind !== 'Status') return;
    if (answer.code !== STATUS.eof) {
      this.#failure = answer;
      return;
    }
    this.#isOver = true;
    this.#taker?.end();
  }

  /** Answers that are still owed are for nobody any more. */
  #restart(): void {
    this.#pieces = [];
    this.#asked = this.#passedOn;
  }
}
