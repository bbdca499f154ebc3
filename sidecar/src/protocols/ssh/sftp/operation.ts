import type { MaskRules } from '@sidegate/policy';
import type { Permit } from '../../../permit.ts';
import { bothMasks } from '../../both-masks.ts';
import type { AnswerMeter, CommandId, Refusal } from '../../protocol.ts';
import type { FoundPath, Reading } from './classify.ts';
import type { Answer, HandleName, Request } from './codec.ts';
import { Transfer } from './transfer.ts';

interface Terms {
  readonly permit: Permit;
  readonly masks: MaskRules;
  readonly recordMasks: MaskRules;
  readonly meter?: AnswerMeter | undefined;
}

/** One operation that may run, from its permit to its end. */
export class Operation {
  readonly commandId: CommandId;
  readonly permit: Permit;
  readonly meter: AnswerMeter | undefined;
  masks: MaskRules;
  recordMasks: MaskRules;
  maskedValues = 0;
  /** It opened, or is to open, a file that is read through masks and not closed. */
  isMaskedReading = false;

  constructor(commandId: CommandId, { permit, masks, recordMasks, meter }: Terms) {
    this.commandId = commandId;
    this.permit = permit;
    this.masks = masks;
    this.recordMasks = recordMasks;
    this.meter = meter;
  }

  addMasks(masks: MaskRules, recordMasks: MaskRules): void {
    this.masks = bothMasks(this.masks, masks);
    this.recordMasks = bothMasks(this.recordMasks, recordMasks);
  }
}

/** A file or directory that is open. All that goes through it belongs to the operation that opened it. */
export class OpenHandle {
  readonly name: HandleName;
  readonly operation: Operation;
  /** As it was named, and where the server says that it is. */
  readonly paths: readonly string[];
  readonly reads: boolean;
  readonly writes: boolean;
  readonly read = new Transfer('read');
  readonly wrote = new Transfer('wrote');
  names = 0;
  /** Nothing more passes but its close. */
  refusal: Refusal | undefined;

  constructor(name: HandleName, operation: Operation, asked: Asked) {
    this.name = name;
    this.operation = operation;
    this.paths = asked.paths;
    const access = asked.reading?.wanted[0]?.access ?? [];
    this.reads = access.includes('Read');
    this.writes = access.includes('Write');
  }

  get summary(): string {
    const listed = this.names === 0 ? undefined : `${this.names} names`;
    return [this.read.summary, this.wrote.summary, listed].filter((one) => one !== undefined).join('; ');
  }
}

/** A request of the agent's, until it is sent on or refused. */
export interface Asked {
  /** The agent's number for it. */
  readonly id: number;
  readonly request: Request;
  /** As it came, without its length. */
  readonly packet: Uint8Array;
  /** Undefined where it belongs to a handle. */
  readonly reading: Reading | undefined;
  readonly handle: OpenHandle | undefined;
  /** What its order goes by: the paths that it names or its handle has. */
  paths: readonly string[];
  readonly mutates: boolean;
  /** It waits for nothing but an earlier request that may change what it is about. */
  isBlocked: boolean;
  /** People were asked about it. */
  wasHeld: boolean;
  /** How many requests that may change where paths lead were sent on before the server was asked where its paths lead. */
  changesBefore: number;
  found: readonly FoundPath[];
  /** What the server says to a question for one of its paths, which is what it would say to the request. */
  failed: Extract<Answer, { readonly kind: 'Status' }> | undefined;
}

/** True for what may change where the paths of others lead: they go over links that they do not name. */
export function changesNames(request: Request): boolean {
  if (request.kind === 'Path') return request.operation === 'remove' || request.operation === 'rmdir';
  return request.kind === 'Pair' || (request.kind === 'Set' && request.operation === 'mkdir');
}

/** True when the order of two requests must stay as it is. */
export function mustKeepOrder(earlier: Asked, later: Asked): boolean {
  if (earlier.handle !== undefined && earlier.handle === later.handle) return true;
  if (!earlier.mutates && !later.mutates) return false;
  return earlier.paths.some((one) => later.paths.some((other) => overlap(one, other)));
}

function overlap(one: string, other: string): boolean {
  return one === other || isBelow(one, other) || isBelow(other, one);
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory) && (directory === '/' || path[directory.length] === '/');
}
