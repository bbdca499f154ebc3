import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Visitor } from '@swc/core/Visitor.js';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { LAYER_RULES } from './layer-rules.ts';

const FOLDERS = ['crds', 'policy', 'session', 'sidecar', 'store', 'cli', 'operator', 'images', 'e2e'];

// swc's visitor throws on `using x = ...`, which swc itself parses well: look into it as into any other declaration.
// oxlint-disable-next-line typescript/unbound-method -- it is called with its own `this` below
const { visitStatement } = Visitor.prototype;
Visitor.prototype.visitStatement = function visit(statement) {
  if (String(statement.type) !== 'UsingDeclaration') return visitStatement.call(this, statement);
  this.visitVariableDeclarators(Reflect.get(statement, 'decls'));
  return statement;
};

/** What the layer check found in one tree. */
export interface LayerReport {
  readonly modules: number;
  readonly dependencies: number;
  /** One line a breach: rule, from, to, and why it is a rule. */
  readonly breaches: readonly string[];
}

/**
 * Reads every module under `root` and judges each import by the layer rules. A tree of which no module was read counts as a
 * breach: a parser that does not know the language reads nothing, and would pass everything.
 */
export async function checkLayers(root: string): Promise<LayerReport> {
  const folders = FOLDERS.filter((folder) => existsSync(join(root, folder)));
  const { output } = await cruise(folders, {
    baseDir: root,
    parser: 'swc',
    validate: true,
    ruleSet: { forbidden: [...LAYER_RULES] },
    exclude: { path: '(?:^|/)dist/|/generated/.*_connect\\.' },
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  });
  if (typeof output === 'string') throw new TypeError('the cruise was asked for its result, not for a report');
  return reportOf(output);
}

function reportOf({ summary, modules }: ICruiseResult): LayerReport {
  const ours = modules.filter((module) => /^[a-z0-9]+\/.*\.ts$/.test(module.source));
  const dependencies = ours.reduce((sum, module) => sum + module.dependencies.length, 0);
  const breaches = summary.violations.map(
    (violation) => `${violation.rule.name}: ${violation.from} -> ${violation.to}${commentOf(violation.rule.name)}`,
  );
  if (ours.length === 0 || dependencies === 0) {
    breaches.push(`nothing-was-checked: ${ours.length} modules with ${dependencies} imports were read`);
  }
  return { modules: ours.length, dependencies, breaches };
}

function commentOf(ruleName: string): string {
  const comment = LAYER_RULES.find((rule) => rule.name === ruleName)?.comment;
  return comment === undefined ? '' : ` (${comment})`;
}

if (import.meta.main) {
  const report = await checkLayers(process.argv[2] ?? process.cwd());
  for (const breach of report.breaches) process.stderr.write(`layers: ${breach}\n`);
  process.stderr.write(`layers: ${report.modules} modules, ${report.dependencies} imports\n`);
  process.exitCode = report.breaches.length === 0 ? 0 : 1;
}
