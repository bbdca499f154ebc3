import { readFile, writeFile } from 'node:fs/promises';
import { describeFault, type Fault, fail, ok, type ProtocolName, type Result, type Snapshot } from '@sidegate/crds';
import { explain as explainCommand, renderExplanation, type SessionQuestion } from '@sidegate/policy';
import { programBeside } from '../beside.ts';
import type { Given, Terminal } from '../command.ts';
import { reasonOf } from '../files/source-folder.ts';
import { nameOf } from '../object-name.ts';
import { compileFolder, NO_MASK_KEY } from '../validate/compiled-folder.ts';
import { folderOf } from '../validate/folder-option.ts';
import { type ReadingQuestion, readCommand } from './command-reading.ts';
import { type ExplainedDoor, findDoor } from './explained-door.ts';
import { liveCatalogOf } from './live-catalog.ts';
import { type MaskedColumn, maskedColumns } from './masked-columns.ts';

/** The gate's own reading of a text, as a program. */
const PROGRAM = programBeside('sidecar/src/explain-program.ts', 'explain');

/** Far enough for any question. */
const EXPIRES_AT_MS = Number.MAX_SAFE_INTEGER;

/** Does what `sidegate explain` is asked to; resolves to the exit code. */
export async function explain(given: Given, terminal: Terminal): Promise<number> {
  const folder = folderOf(given, terminal);
  if (folder === undefined) return 2;
  const json = given.flag('json');
  const refuse = async (faults: readonly Fault[]): Promise<number> => {
    if (json) await terminal.out(`${JSON.stringify({ kind: 'Refused', faults })}\n`);
    else for (const fault of faults) terminal.err(describeFault(fault));
    return 1;
  };
  const compiled = await compileFolder(folder, { maskKey: NO_MASK_KEY, environment: terminal.environment });
  if (!compiled.ok) return refuse(compiled.fault);
  const { rules, snapshot } = compiled.value;
  const door = findDoor(snapshot, given.text('target'), given.text('access'));
  if (!door.ok) return refuse([door.fault]);
  const catalog = await chooseCatalog(given, door.value, snapshot);
  if (!catalog.ok) return refuse([catalog.fault]);
  const { protocol } = door.value.target.spec;
  const [text = ''] = given.words;
  const reading = await readCommand(PROGRAM, {
    protocol,
    text,
    forward: given.flag('forward'),
    ...catalog.value,
  });
  if (!reading.ok) return refuse([reading.fault]);
  const { command, assumed } = reading.value;
  const saved = await saveCatalog(given.text('save-catalog'), reading.value.catalog);
  if (!saved.ok) return refuse([saved.fault]);
  const question = questionOf(given, door.value, snapshot);
  const explanation = explainCommand(rules, question, command);
  const session = rules.openSession(question);
  const masked = session.ok ? maskedColumns(command, session.value.masks) : [];
  if (json) await terminal.out(`${JSON.stringify({ kind: 'Explanation', explanation, masked, assumed })}\n`);
  else {
    const named = `${nameOf(door.value.target)} for ${nameOf(door.value.access)}\n`;
    await terminal.out(
      named + renderExplanation(explanation) + renderMasked(masked) + renderAssumed(protocol, catalog.value, assumed),
    );
  }
  return 0;
}

type CatalogChoice = Pick<ReadingQuestion, 'catalog' | 'live'>;

async function chooseCatalog(
  given: Given,
  { target }: ExplainedDoor,
  snapshot: Snapshot,
): Promise<Result<CatalogChoice, Fault<'BadCatalog'>>> {
  const file = given.text('catalog');
  if (given.flag('live') || given.text('save-catalog') !== undefined) {
    return ok({ live: liveCatalogOf(target, snapshot, given.text('database')) });
  }
  if (file === undefined) return ok({});
  try {
    return ok({ catalog: JSON.parse(await readFile(file, 'utf8')) });
  } catch (error) {
    const message = `The catalog cannot be read: ${reasonOf(error)}.`;
    return fail({
      code: 'BadCatalog',
      message,
      where: file,
      mend: 'Name a JSON file with --catalog, or leave it out.',
    });
  }
}

async function saveCatalog(file: string | undefined, catalog: unknown): Promise<Result<void, Fault<'BadCatalog'>>> {
  if (file === undefined || catalog === undefined) return ok(undefined);
  try {
    await writeFile(file, JSON.stringify(catalog));
    return ok(undefined);
  } catch (error) {
    return fail({ code: 'BadCatalog', message: `The catalog cannot be written: ${reasonOf(error)}.`, where: file });
  }
}

function questionOf(given: Given, { target, access }: ExplainedDoor, { issuers }: Snapshot): SessionQuestion {
  const groups = given.text('groups');
  const { source, issuers: named } = access.spec.identity;
  return {
    target: { namespace: target.metadata.namespace ?? 'default', name: target.metadata.name },
    access: { namespace: access.metadata.namespace ?? 'default', name: access.metadata.name },
    identity: {
      claimed: {},
      verified: {
        source,
        issuer: named?.[0] ?? issuers[0]?.name ?? '',
        subject: given.text('subject') ?? '',
        groups: groups
          ?.split(',')
          .map((group) => group.trim())
          .filter((group) => group !== ''),
        expiresAtMs: EXPIRES_AT_MS,
      },
    },
  };
}

function renderMasked(masked: readonly MaskedColumn[]): string {
  if (masked.length === 0) return '';
  return `\nMasked in the answer\n${masked.map(({ column, rule, with: how }) => `  ${column}: ${how} by ${rule}\n`).join('')}`;
}

function renderAssumed(protocol: ProtocolName, { catalog, live }: CatalogChoice, assumed: readonly string[]): string {
  if (catalog !== undefined || live !== undefined || protocol === 'SSH') return '';
  if (protocol === 'Redis') return '\nRead by the commands of Redis 7.0. With --live the server tells its own.\n';
  const taken = assumed.length === 0 ? '' : `\n  Taken on trust: ${assumed.join(', ')}.`;
  return `\nRead without the server's catalog: names alone were judged, and nothing is said of masks. See --live and --catalog.${taken}\n`;
}
