import { type CredentialFault, type Fault, type FieldFaultCode, type FieldPath, formatPath } from '@sidegate/crds';

export type FileFaultCode =
  | FieldFaultCode
  | CredentialFault['code']
  | 'AgentsBesideTarget'
  | 'BadBase64'
  | 'BadCertificate'
  | 'BadMaskKey'
  | 'BadYaml'
  | 'Conflicted'
  | 'DoorTaken'
  | 'DuplicateName'
  | 'FileTooLarge'
  | 'MissingDoor'
  | 'MissingIssuer'
  | 'MissingObject'
  | 'MissingSecret'
  | 'MissingTarget'
  | 'MissingTokenFile'
  | 'NamespaceNotAllowed'
  | 'HostNotNamed'
  | 'NothingToRead'
  | 'TooManyFiles'
  | 'Unreadable'
  | 'UnknownKind'
  | 'UnknownVersion';

/** What is wrong in a folder of resource files. `where` is `file:line field`; the three stand apart as well, for programs. */
export interface FileFault extends Fault {
  readonly file: string;
  /** Counted from 1; absent when the fault is about the file as a whole. */
  readonly line?: number;
  /** Empty when the fault is about the object as a whole. */
  readonly field: string;
  readonly where: string;
  readonly mend: string;
}

/** Where an object came from. */
export interface Origin {
  /** The file's path as the user may open it. */
  readonly file: string;
  /** The line of a field, or of the nearest thing around it that is there. */
  lineOf(path: FieldPath): number;
}

/** An object, and where it came from. */
export interface Located<T> {
  readonly value: T;
  readonly origin: Origin;
}

/** A fault about a file as a whole. */
export function faultOfFile(code: FileFaultCode, file: string, message: string, mend: string): FileFault {
  return { code, message, mend, file, field: '', where: file };
}

/** A fault about one field of an object. */
export function faultAt(code: string, origin: Origin, path: FieldPath, message: string, mend: string): FileFault {
  const line = origin.lineOf(path);
  const field = formatPath(path);
  const where = `${origin.file}:${line}${field === '' ? '' : ` ${field}`}`;
  return { code, message, mend, file: origin.file, line, field, where };
}

/** Where an object stands, for the message of a fault about another. */
export function placeOf(origin: Origin, path: FieldPath = ['kind']): string {
  return `${origin.file}:${origin.lineOf(path)}`;
}
