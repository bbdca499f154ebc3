import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '@sidegate/crds';
import { type FileFault, faultOfFile } from './file-fault.ts';

/** Most files of a folder. */
export const FILES_MAX = 1000;

/** Most bytes of a file. */
export const FILE_BYTES_MAX = 4 * 1024 * 1024;

const EXTENSIONS = /\.(?:ya?ml|json)$/;

/** A file and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/**
 * The YAML and JSON files directly in a folder, in the order of their names; hidden files and subfolders are not read. A path that is
 * a file stands for itself.
 */
export async function readSources(path: string): Promise<Result<readonly SourceFile[], readonly FileFault[]>> {
  const paths = await listSources(path);
  if (!paths.ok) return paths;
  const sources: SourceFile[] = [];
  const faults: FileFault[] = [];
  for (const file of paths.value) {
    const source = await readSource(file);
    if (source.ok) sources.push(source.value);
    else faults.push(source.fault);
  }
  return faults.length === 0 ? ok(sources) : fail(faults);
}

async function listSources(path: string): Promise<Result<readonly string[], readonly FileFault[]>> {
  let paths: readonly string[];
  try {
    if (!(await stat(path)).isDirectory()) return ok([path]);
    const names = (await readdir(path)).filter((name) => EXTENSIONS.test(name) && !name.startsWith('.'));
    paths = names.toSorted().map((name) => join(path, name));
  } catch (error) {
    return fail([unreadable(path, error)]);
  }
  if (paths.length === 0) {
    const message = 'The folder holds no resources.';
    return fail([faultOfFile('NothingToRead', path, message, 'Put files ending in .yaml, .yml or .json there.')]);
  }
  if (paths.length <= FILES_MAX) return ok(paths);
  const message = `The folder holds ${paths.length} files, and ${FILES_MAX} may be read.`;
  return fail([
    faultOfFile('TooManyFiles', path, message, 'Put several resources in one file, with --- between them.'),
  ]);
}

async function readSource(path: string): Promise<Result<SourceFile, FileFault>> {
  try {
    const { size } = await stat(path);
    if (size > FILE_BYTES_MAX) {
      const message = `The file has ${size} bytes, and ${FILE_BYTES_MAX} may be read.`;
      return fail(faultOfFile('FileTooLarge', path, message, 'Split it into several files.'));
    }
    return ok({ path, text: await readFile(path, 'utf8') });
  } catch (error) {
    return fail(unreadable(path, error));
  }
}

function unreadable(path: string, error: unknown): FileFault {
  const mend = 'Check the path, and that you may read it.';
  return faultOfFile('Unreadable', path, `This cannot be read: ${reasonOf(error)}.`, mend);
}

/** Why a file cannot be read, without a full stop. */
export function reasonOf(error: unknown): string {
  const { code, message } = Object(error) as { readonly code?: unknown; readonly message?: unknown };
  switch (code) {
    case 'ENOENT':
      return 'it does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'permission is denied';
    case 'EISDIR':
      return 'it is a folder';
    default:
      return String(message ?? error);
  }
}
