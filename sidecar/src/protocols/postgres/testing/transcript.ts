import type { Step } from '../../protocol.ts';
import { BodyReader, FRAME, FrameScanner } from '../codec.ts';
import { readErrorFields } from '../error-fields.ts';
import { readShape } from '../shape.ts';

/** What a session did, one line for each frame, so that a person can read it and chunks do not show. */
export function transcribe(steps: readonly Step[]): string[] {
  const lines: string[] = [];
  let gathered: { label: string; parts: Uint8Array[]; fromTarget: boolean } | undefined;
  const flush = (): void => {
    if (gathered === undefined) return;
    const { label, parts, fromTarget } = gathered;
    for (const line of describeFrames(Buffer.concat(parts), fromTarget)) lines.push(`${label} ${line}`);
    gathered = undefined;
  };
  const gather = (label: string, bytes: Uint8Array, fromTarget: boolean): void => {
    if (gathered?.label !== label) flush();
    gathered ??= { label, parts: [], fromTarget };
    gathered.parts.push(bytes);
  };
  // What is recorded, by command; shown only when it is anything else than what was sent.
  const recorded = new Map<string, Uint8Array[]>();
  let differs = false;
  const record = (way: string, id: number, bytes: Uint8Array, instead: Uint8Array | undefined): void => {
    if (instead !== undefined) differs = true;
    const parts = recorded.get(`${way} #${id}`) ?? [];
    recorded.set(`${way} #${id}`, [...parts, instead ?? bytes]);
  };
  for (const step of steps) {
    switch (step.kind) {
      case 'ToAgent':
        gather('agent<', step.bytes, true);
        break;
      case 'Answer':
        gather(`agent< #${step.commandId}`, step.bytes, true);
        record('<', step.commandId, step.bytes, step.recorded);
        break;
      case 'LoginToTarget':
        gather('login>', step.bytes, false);
        break;
      case 'ToTarget':
        gather(`target> #${step.commandId}`, step.bytes, false);
        break;
      case 'Input':
        gather(`target> #${step.commandId} input`, step.bytes, false);
        record('>', step.commandId, step.bytes, step.recorded === step.bytes ? undefined : step.recorded);
        break;
      case 'PaceTarget':
        gather('target>', step.bytes, false);
        break;
      default:
        flush();
        lines.push(describeStep(step));
    }
  }
  flush();
  if (differs)
    for (const [label, parts] of recorded)
      for (const line of describeFrames(Buffer.concat(parts), label.startsWith('<')))
        lines.push(`record ${label} ${line}`);
  return lines;
}

function describeStep(step: Step): string {
  switch (step.kind) {
    case 'Judge': {
      const { judged } = step;
      const binds = judged.maskedBinds();
      const complete = judged.command.complete ? '' : ' INCOMPLETE';
      const prepares = judged.prepares === undefined ? '' : ` prepares=${judged.prepares}`;
      const bound = binds.length === 0 ? '' : ` binds=${JSON.stringify(binds.map((bind) => bind ?? null))}`;
      return `judge #${step.commandId} ${judged.maskedText()}${prepares}${bound}${complete}`;
    }
    case 'Finished': {
      const error = step.errorCode === '' && step.errorText === '' ? '' : ` ${step.errorCode} ${step.errorText}`;
      const masked = step.maskedValues === 0 ? '' : ` masked=${step.maskedValues}`;
      return `finished #${step.commandId} ${step.outcome} ${step.tag} rows=${step.rows}${masked}${error}`;
    }
    case 'Identify':
      return `identify ${JSON.stringify({ token: step.token ?? null, ...step.claims, ...step.details })}`;
    case 'Close':
      return `close ${step.code}: ${step.reason}`;
    case 'StartAgentTls':
      return `start agent TLS${step.received === undefined ? '' : ` (${step.received.length} bytes received)`}`;
    case 'Cancel':
    case 'CancelKey':
      return `${step.kind} ${step.key}`;
    case 'NeedCatalog':
      return `need catalog ${step.database}${step.fresh ? ' fresh' : ''}`;
    case 'Remark':
      return `remark ${step.code} ${step.text}`;
    default:
      return step.kind;
  }
}

const NAMES = Object.entries(FRAME);
const FROM_AGENT = new Set(['bind', 'close', 'describe', 'execute', 'functionCall', 'flush', 'sync', 'query', 'parse']);

function frameName(type: number, fromTarget: boolean): string {
  const names = NAMES.filter(([, value]) => value === type).map(([name]) => name);
  return names.find((name) => FROM_AGENT.has(name) !== fromTarget) ?? names[0] ?? String.fromCharCode(type);
}

/** Frames as text; bytes that are no frames (a TLS answer, a start-up packet) are shown as they are. */
export function describeFrames(bytes: Uint8Array, fromTarget: boolean): string[] {
  const scanner = new FrameScanner(1 << 30, false);
  scanner.feed(bytes);
  const lines: string[] = [];
  for (;;) {
    const held = scanner.heldBytes;
    if (held === 0) return lines;
    if (bytes.length === 1 || bytes[0] === 0 || scanner.next() !== 'Frame')
      return [...lines, `raw ${printable(bytes.subarray(bytes.length - held))}`];
    const { type, buffer, start, end } = scanner;
    lines.push(`${frameName(type, fromTarget)}${describeBody(type, fromTarget, buffer, start + 5, end)}`);
  }
}

function describeBody(type: number, fromTarget: boolean, buffer: Uint8Array, start: number, end: number): string {
  if (start === end) return '';
  const body = new BodyReader(buffer, start, end);
  if (fromTarget && (type === FRAME.error || type === FRAME.notice)) {
    const fields = readErrorFields(body) ?? new Map();
    return ` ${[...fields].map(([letter, value]) => `${letter}=${value}`).join(' | ')}`;
  }
  if (fromTarget && type === FRAME.dataRow) {
    const values: string[] = [];
    for (let left = body.int16(); left > 0 && !body.failed; left--) {
      const length = body.int32();
      values.push(length < 0 ? 'NULL' : printable(body.bytes(length)));
    }
    return ` [${values.join(', ')}]`;
  }
  if (fromTarget && type === FRAME.rowDescription) return ` ${readShape(body)?.length ?? '?'} columns`;
  return ` ${printable(buffer.subarray(start, end))}`;
}

function printable(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/[^\u0020-\u007e]/gu, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
