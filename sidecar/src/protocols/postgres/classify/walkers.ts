import { walkExpression } from './expression.ts';
import type { Walkers } from './findings.ts';
import { walkInside } from './finish.ts';
import { walkFrom } from './from.ts';
import { walkBody } from './function-body.ts';
import { walkSelect } from './select.ts';
import { walkStatement } from './statement.ts';
import { walkView } from './view.ts';
import { walkWrite } from './write.ts';

/** The readers of all kinds of things, tied together. */
export const WALKERS: Walkers = {
  expression: walkExpression,
  select: walkSelect,
  from: walkFrom,
  write: walkWrite,
  statement: walkStatement,
  inside: walkInside,
  body: walkBody,
  view: (catalog, relation) => walkView(catalog, relation, WALKERS),
};
