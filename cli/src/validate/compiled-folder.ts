import { ok, type Result, type Snapshot } from '@sidegate/crds';
import { compileRules, type ExplainedRuleSet } from '@sidegate/policy';
import type { FileFault } from '../files/file-fault.ts';
import { type ReadOptions, readFolder } from '../files/read-folder.ts';

/** A folder of resources, read and compiled. */
export interface CompiledFolder {
  readonly snapshot: Snapshot;
  readonly rules: ExplainedRuleSet;
}

/** The key of Hash masks where nothing is hashed: files are only judged. */
export const NO_MASK_KEY = '0'.repeat(64);

/** Reads a folder as the gate would and compiles its rules as the gate would, or tells everything that is wrong. */
export async function compileFolder(
  path: string,
  options: Omit<ReadOptions, 'compile'>,
): Promise<Result<CompiledFolder, readonly FileFault[]>> {
  let rules: ExplainedRuleSet | undefined;
  const read = await readFolder(path, {
    ...options,
    compile: ({ version, maskKey, operatorNamespace, namespaceLabels = {}, resources }) => {
      const compiled = compileRules({ ...resources, version, maskKey, operatorNamespace, namespaceLabels });
      if (compiled.ok) rules = compiled.value;
      return compiled.ok ? [] : compiled.fault;
    },
  });
  if (!read.ok) return read;
  if (rules === undefined) throw new Error('a folder without faults was not compiled');
  return ok({ snapshot: read.value, rules });
}
