import { FRAME } from '../codec.ts';
import { PROTOCOL_3_0, writeFrame, writeNamed, writeStartup, writeUntagged } from '../codec-writer.ts';
import type { Happening } from './playbook.ts';

/** What an agent sends. */
export function agent(...frames: readonly Uint8Array[]): Happening {
  return { from: 'agent', bytes: Buffer.concat(frames) };
}

/** What a server sends. */
export function target(...frames: readonly Uint8Array[]): Happening {
  return { from: 'target', bytes: Buffer.concat(frames) };
}

export const startup = (parameters: Readonly<Record<string, string>> = {}, version = PROTOCOL_3_0): Uint8Array =>
  writeStartup(version, Object.entries({ user: 'me', database: 'shop', ...parameters }));

export const request = (code: number): Uint8Array => writeUntagged({ int32: code });
export const password = (text: string): Uint8Array => writeFrame(FRAME.password, text);
/** The client's first SASL message. */
export const sasl = (message: string): Uint8Array => {
  const bytes = Buffer.from(message);
  return writeFrame(FRAME.password, 'OAUTHBEARER', { int32: bytes.length }, bytes);
};
export const query = (text: string): Uint8Array => writeFrame(FRAME.query, text);
export const parse = (name: string, text: string, types: readonly number[] = []): Uint8Array =>
  writeFrame(FRAME.parse, name, text, { int16: types.length }, ...types.map((type) => ({ int32: type })));

export const bind = (
  portal: string,
  statement: string,
  values: readonly (string | Uint8Array | null)[] = [],
  formats: { readonly values?: readonly number[]; readonly results?: readonly number[] } = {},
): Uint8Array => {
  const int16s = (numbers: readonly number[]): { int16: number }[] => numbers.map((int16) => ({ int16 }));
  const { values: valueFormats = [], results = [] } = formats;
  const parts = values.flatMap((value) => {
    if (value === null) return [{ int32: -1 }];
    const bytes = Buffer.from(value);
    return [{ int32: bytes.length }, bytes];
  });
  return writeFrame(
    FRAME.bind,
    portal,
    statement,
    { int16: valueFormats.length },
    ...int16s(valueFormats),
    { int16: values.length },
    ...parts,
    { int16: results.length },
    ...int16s(results),
  );
};

export const describe = (what: 'S' | 'P', name: string): Uint8Array => writeNamed(FRAME.describe, what, name);
export const close = (what: 'S' | 'P', name: string): Uint8Array => writeNamed(FRAME.close, what, name);
export const execute = (portal: string, rowsMax = 0): Uint8Array =>
  writeFrame(FRAME.execute, portal, { int32: rowsMax });
export const sync = writeFrame(FRAME.sync);
export const flush = writeFrame(FRAME.flush);
export const terminate = writeFrame(FRAME.terminate);
export const copyData = (text: string | Uint8Array): Uint8Array => writeFrame(FRAME.copyData, Buffer.from(text));
export const copyDone = writeFrame(FRAME.copyDone);
export const copyFail = (reason: string): Uint8Array => writeFrame(FRAME.copyFail, reason);
export const functionCall = (oid: number): Uint8Array =>
  writeFrame(FRAME.functionCall, { int32: oid }, { int16: 0 }, { int16: 0 }, { int16: 0 });

export const authentication = (kind: number, ...rest: readonly (string | Uint8Array)[]): Uint8Array =>
  writeFrame(FRAME.authentication, { int32: kind }, ...rest);
export const status = (name: string, value: string): Uint8Array => writeFrame(FRAME.parameterStatus, name, value);
export const backendKey = (processId: number, key: Uint8Array = Buffer.from('KEYS')): Uint8Array =>
  writeFrame(FRAME.backendKey, { int32: processId }, key);
export const ready = (state: 'I' | 'T' | 'E' = 'I'): Uint8Array =>
  writeFrame(FRAME.readyForQuery, { int8: state.charCodeAt(0) });
export const parseComplete = writeFrame(FRAME.parseComplete);
export const bindComplete = writeFrame(FRAME.bindComplete);
export const closeComplete = writeFrame(FRAME.closeComplete);
export const noData = writeFrame(FRAME.noData);
export const portalSuspended = writeFrame(FRAME.portalSuspended);
export const emptyQuery = writeFrame(FRAME.emptyQuery);
export const complete = (tag: string): Uint8Array => writeFrame(FRAME.commandComplete, tag);
export const parameters = (...types: readonly number[]): Uint8Array =>
  writeFrame(FRAME.parameterDescription, { int16: types.length }, ...types.map((int32) => ({ int32 })));

export interface FakeColumn {
  readonly name: string;
  readonly table?: number;
  readonly attribute?: number;
  readonly type?: number;
  readonly binary?: boolean;
}

export const rows = (...columns: readonly FakeColumn[]): Uint8Array =>
  writeFrame(
    FRAME.rowDescription,
    { int16: columns.length },
    ...columns.flatMap(({ name, table = 0, attribute = 0, type = 25, binary = false }) => [
      name,
      { int32: table },
      { int16: attribute },
      { int32: type },
      { int16: -1 },
      { int32: -1 },
      { int16: binary ? 1 : 0 },
    ]),
  );

export const row = (...values: readonly (string | Uint8Array | null)[]): Uint8Array =>
  writeFrame(
    FRAME.dataRow,
    { int16: values.length },
    ...values.flatMap((value) => {
      if (value === null) return [{ int32: -1 }];
      const bytes = Buffer.from(value);
      return [{ int32: bytes.length }, bytes];
    }),
  );

export const error = (code: string, message: string, more: Readonly<Record<string, string>> = {}): Uint8Array =>
  fields(FRAME.error, 'ERROR', code, message, more);
export const notice = (message: string, more: Readonly<Record<string, string>> = {}): Uint8Array =>
  fields(FRAME.notice, 'NOTICE', '00000', message, more);

function fields(
  type: number,
  severity: string,
  code: string,
  message: string,
  more: Readonly<Record<string, string>>,
): Uint8Array {
  const all = Object.entries({ S: severity, V: severity, C: code, M: message, F: 'execMain.c', ...more });
  return writeFrame(type, ...all.flatMap(([letter, value]) => [{ int8: letter.charCodeAt(0) }, value]), { int8: 0 });
}

export const copyOut = (columns: number): Uint8Array =>
  writeFrame(FRAME.copyOut, { int8: 0 }, { int16: columns }, ...Array.from({ length: columns }, () => ({ int16: 0 })));
export const copyIn = (columns: number): Uint8Array =>
  writeFrame(FRAME.copyIn, { int8: 0 }, { int16: columns }, ...Array.from({ length: columns }, () => ({ int16: 0 })));
export const notification = (channel: string, payload: string): Uint8Array =>
  writeFrame(FRAME.notification, { int32: 99 }, channel, payload);

/** From nothing to the first ReadyForQuery, with a server that reports its search path and asks for no password. */
export const opening: readonly Happening[] = [
  agent(startup()),
  target(
    authentication(0),
    status('client_encoding', 'UTF8'),
    status('search_path', '"$user", public'),
    status('standard_conforming_strings', 'on'),
    backendKey(7),
    ready(),
  ),
];
