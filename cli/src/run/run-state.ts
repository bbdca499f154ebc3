import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { defaultStateFolder, ownerSocketIn } from '../state-folder.ts';
import { errorText } from './system-error.ts';

/** A Unix socket's path may have this many bytes on every system that Node runs on. */
const SOCKET_PATH_BYTES_MAX = 103;

export type StateFault = Fault<'BadState'>;

type Environment = Readonly<Record<string, string | undefined>>;

/** The state folder of a folder of resources when none is named: SIDEGATE_STATE, or one of its own in the user's state folder. */
export function stateFolderOf(folder: string, environment: Environment): string {
  const common = defaultStateFolder(environment);
  if ((environment['SIDEGATE_STATE'] ?? '') !== '') return common;
  const path = resolve(folder);
  const name =
    basename(path)
      .replaceAll(/[^\w.-]/g, '-')
      .slice(0, 20) || 'root';
  return join(common, `${name}-${createHash('sha256').update(path).digest('hex').slice(0, 8)}`);
}

/** Makes the state folder, for this user alone, and gives its path and the key of Hash masks, which is made once and then stays. */
export function prepareState(path: string): Result<{ readonly path: string; readonly maskKey: string }, StateFault> {
  const state = resolve(path);
  const socket = ownerSocketIn(state);
  if (Buffer.byteLength(socket) > SOCKET_PATH_BYTES_MAX) {
    const message = `The path is too long: the socket ${socket} may have ${SOCKET_PATH_BYTES_MAX} bytes.`;
    return fail({ code: 'BadState', message, where: state, mend: 'Name a folder with a shorter path with --state.' });
  }
  try {
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const { uid } = statSync(state);
    if (process.getuid !== undefined && uid !== process.getuid()) {
      const message = 'The state folder belongs to another user.';
      return fail({ code: 'BadState', message, where: state, mend: 'Name a folder of your own with --state.' });
    }
    chmodSync(state, 0o700);
    return ok({ path: state, maskKey: keptKey(join(state, 'mask-key')) });
  } catch (error) {
    return fail(unusable(state, error));
  }
}

/** The fault of a state folder in which something cannot be written, such as on a full disk. */
export function unusable(state: string, error: unknown): StateFault {
  const message = `The state folder cannot be used: ${errorText(error)}.`;
  return { code: 'BadState', message, where: state, mend: 'Mend that, or name another folder with --state.' };
}

function keptKey(file: string): string {
  if (existsSync(file)) {
    const text = readFileSync(file, 'utf8').trim();
    if (/^[0-9a-f]{64}$/.test(text)) return text;
    throw new Error(`${file} holds no key: restore it, or remove it and get other hashes from now on`);
  }
  const key = randomBytes(32).toString('hex');
  writeFileSync(`${file}.new`, key, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return key;
}

/** Lets commands that are given no state folder read the store that was started last. */
export function pointReaders(state: string, environment: Environment): void {
  const common = resolve(defaultStateFolder(environment));
  if (state === common || !state.startsWith(`${common}/`)) return;
  const link = join(common, 'owner');
  // A folder that was itself a state folder once keeps its own.
  if (lstatSync(link, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const draft = `${link}.${process.pid}`;
  rmSync(draft, { force: true });
  symlinkSync(relative(common, join(state, 'owner')), draft);
  renameSync(draft, link);
}
