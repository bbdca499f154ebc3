import type { DefineStmt, Node, VariableSetStmt } from 'libpg-query';
import { GUARDED_SETTINGS, MEANING_SETTINGS } from './settings.ts';
import { words } from './words.ts';

type Uncertainty = readonly [kind: string, detail: string];

/** Kinds of statement after which something can happen that no statement says. */
const UNCERTAIN: Readonly<Record<string, Uncertainty>> = {
  CreateFunctionStmt: ['FunctionBody', 'What the new function will do cannot be told.'],
  CreatePLangStmt: ['ServerCode', 'It loads code into the server.'],
  CreateEventTrigStmt: ['FunctionBody', 'What the event trigger will do cannot be told.'],
  CreateTrigStmt: ['FunctionBody', 'What the trigger will do cannot be told.'],
  CreateOpClassStmt: ['FunctionBody', 'Sorting, grouping and indexes will call functions that no statement names.'],
  AlterOpFamilyStmt: ['FunctionBody', 'Sorting, grouping and indexes will call functions that no statement names.'],
  CreateConversionStmt: ['FunctionBody', 'What the conversion will do cannot be told.'],
  CreateTransformStmt: ['FunctionBody', 'What the transform will do cannot be told.'],
  CreateAmStmt: ['ServerCode', 'It names code of the server as an access method.'],
  RuleStmt: ['RewriteRule', 'A rule rewrites later statements.'],
  AlterSystemStmt: ['SettingChange', "It changes the server's own settings."],
  CreateFdwStmt: ['RemoteAccess', 'It connects the database with another system.'],
  AlterFdwStmt: ['RemoteAccess', 'It connects the database with another system.'],
  CreateForeignServerStmt: ['RemoteAccess', 'It connects the database with another system.'],
  AlterForeignServerStmt: ['RemoteAccess', 'It connects the database with another system.'],
  CreateForeignTableStmt: ['RemoteAccess', 'It connects the database with another system.'],
  CreateUserMappingStmt: ['RemoteAccess', 'It connects the database with another system.'],
  AlterUserMappingStmt: ['RemoteAccess', 'It connects the database with another system.'],
  ImportForeignSchemaStmt: ['RemoteAccess', 'It connects the database with another system.'],
  DropOwnedStmt: ['Cascade', 'It drops whatever a role owns.'],
  CreateSubscriptionStmt: ['RemoteAccess', 'It connects the database with another system.'],
  AlterSubscriptionStmt: ['RemoteAccess', 'It connects the database with another system.'],
  CreatePublicationStmt: ['RemoteAccess', 'It hands the rows of tables to other systems.'],
  AlterPublicationStmt: ['RemoteAccess', 'It hands the rows of tables to other systems.'],
};

const UNSEEN: Uncertainty = ['FunctionBody', 'Functions that it names will be called where no statement says so.'];
/** Parts of a range's definition that are functions. */
const RANGE_FUNCTIONS = words('canonical subtype_diff');

/** Why nobody can tell what will happen after this definition. Operators, aggregates and explicit casts are read where they are used. */
export function uncertaintyOf(node: Node, kind: string): Uncertainty | undefined {
  if ('DefineStmt' in node && makesCode(node.DefineStmt)) return UNSEEN;
  if ('CreateRangeStmt' in node && node.CreateRangeStmt.params?.some(isRangeFunction) === true) return UNSEEN;
  if ('AlterTypeStmt' in node) return UNSEEN;
  // What was made with it, and calls it unseen, meets other tables then.
  if ('AlterFunctionStmt' in node && node.AlterFunctionStmt.actions?.some(isSet) === true) return UNSEEN;
  if ('AlterRoleSetStmt' in node) return settingOf(node.AlterRoleSetStmt.setstmt);
  if ('AlterDatabaseSetStmt' in node) return settingOf(node.AlterDatabaseSetStmt.setstmt);
  if ('CreateCastStmt' in node) {
    const { func, context } = node.CreateCastStmt;
    return func !== undefined && context !== 'COERCION_EXPLICIT' ? UNSEEN : undefined;
  }
  return UNCERTAIN[kind];
}

/** True for a type of its own kind, a parser or template of text search: they are made of functions. A type without a definition is a mere name. */
function makesCode({ kind, definition }: DefineStmt): boolean {
  if (kind === 'OBJECT_TYPE') return definition !== undefined;
  return kind === 'OBJECT_TSPARSER' || kind === 'OBJECT_TSTEMPLATE';
}

function isRangeFunction(param: Node): boolean {
  return 'DefElem' in param && RANGE_FUNCTIONS.has(param.DefElem.defname ?? '');
}

function isSet(action: Node): boolean {
  return 'DefElem' in action && action.DefElem.defname === 'set';
}

/** Sessions begin with it from then on, and do not say so. */
function settingOf(set: VariableSetStmt | undefined): Uncertainty | undefined {
  const name = (set?.name ?? '').toLowerCase();
  if (!MEANING_SETTINGS.has(name) && !GUARDED_SETTINGS.has(name)) return undefined;
  return ['SettingChange', `Sessions will begin with another ${name}.`];
}
