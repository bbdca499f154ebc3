import { spawn } from 'node:child_process';
import { type Fault, fail, ok, type ProtocolName, type Result, type TlsMode } from '@sidegate/crds';
import type { Command } from '@sidegate/policy';
import { errorText } from '../run/system-error.ts';

/** The longest answer that is taken from the gate's program, in bytes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** Where a server is and how it is logged in to. */
export interface LiveCatalog {
  readonly address: {
    readonly host: string;
    readonly port: number;
    readonly tlsMode: TlsMode;
    readonly authorities: readonly string[];
    readonly alpn: readonly string[];
  };
  readonly credential: { readonly username: string; readonly password: string };
  readonly database: string;
}

/** What the gate's program is asked: how it would read a text. */
export interface ReadingQuestion {
  readonly protocol: ProtocolName;
  readonly text: string;
  /** The text is the host and port of a forward. */
  readonly forward?: boolean;
  /** The server's catalog as `--catalog` holds it. Neither this nor `live`: the text is read by names only. */
  readonly catalog?: unknown;
  /** The server that is asked for its catalog, as the gate asks. */
  readonly live?: LiveCatalog;
}

/** How the gate reads a text. */
export interface CommandReading {
  readonly command: Command;
  /** `table orders`, `function count`: what was taken on trust for want of a catalog; empty with one. */
  readonly assumed: readonly string[];
  /** What the server answered, when it was asked; `--catalog` takes it again. */
  readonly catalog?: unknown;
}

export type ReadingFault = Fault<'GateFailed' | 'BadCatalog' | 'CatalogUnavailable' | 'UnsupportedProtocol'>;

/** Asks the gate's own program, which is started for this: what it says is what the gate would judge. */
export async function readCommand(
  program: string,
  question: ReadingQuestion,
): Promise<Result<CommandReading, ReadingFault>> {
  const answer = await ask(program, question);
  if (!answer.ok) return answer;
  if (answer.value.kind !== 'Reading') return failed('it says nothing');
  // The program is our own, of the same version.
  const reading = answer.value as unknown as CommandReading;
  return ok({ ...reading, command: withUnknowns(reading.command) });
}

/** A word that is not known is undefined, for which JSON has null. */
function withUnknowns(command: Command): Command {
  if (command.protocol !== 'SSH') return command;
  const known = (args: readonly (string | null | undefined)[]): (string | undefined)[] =>
    args.map((arg) => arg ?? undefined);
  return { ...command, commands: command.commands.map((use) => ({ ...use, args: known(use.args) })) };
}

/** Whether a server takes the gate's login and tells its catalog, and which of `names` it does not have; the fault says why not. */
export async function checkLogin(
  program: string,
  question: Pick<ReadingQuestion, 'protocol' | 'live'> & { readonly names: readonly string[] },
  signal: AbortSignal,
): Promise<Result<readonly string[], ReadingFault>> {
  const answer = await ask(program, question, signal);
  if (!answer.ok) return answer;
  // The program is our own, of the same version.
  return ok((answer.value as unknown as { readonly missing: readonly string[] }).missing);
}

interface Answer {
  readonly kind: string;
}

function ask(program: string, question: object, signal?: AbortSignal): Promise<Result<Answer, ReadingFault>> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
      ...(signal === undefined ? {} : { signal }),
    });
    const parts: Buffer[] = [];
    let bytes = 0;
    child.stdout.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > ANSWER_BYTES_MAX) child.kill();
      else parts.push(part);
    });
    child.once('error', (error) => resolve(failed(errorText(error))));
    child.once('close', (code) => {
      resolve(parseAnswer(Buffer.concat(parts).toString('utf8')) ?? failed(`it ended with code ${code}`));
    });
    // A program that ends before it has read everything tells why by its end.
    child.stdin.on('error', () => undefined);
    child.stdin.end(JSON.stringify(question));
  });
}

function failed(why: string): Result<never, ReadingFault> {
  return fail({ code: 'GateFailed', message: `The gate's program does not answer: ${why}.` });
}

function parseAnswer(text: string): Result<Answer, ReadingFault> | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer !== 'object' || answer === null || !('kind' in answer)) return undefined;
    if (answer.kind !== 'Fault')
      return typeof answer.kind === 'string' ? ok({ ...answer, kind: answer.kind }) : undefined;
    const fault = answer as unknown as ReadingFault;
    return fail({ ...fault, message: fault.message.replace(/\.\.$/, '.') });
  } catch {
    return undefined;
  }
}
