import type { IForbiddenRuleType } from 'dependency-cruiser';

const PURE_BUILTINS = '^(?:node:)?(?:crypto|zlib|util|buffer|assert)(?:/|$)';
const PARTS = '^(?:sidecar|store|cli|operator)/';

/** Who may import whom. A path is relative to the root of the repository; a test file may read files and start servers. */
export const LAYER_RULES: readonly IForbiddenRuleType[] = [
  {
    name: 'crds-stands-alone',
    comment: 'crds/ is the ground: it imports nothing of ours.',
    severity: 'error',
    from: { path: '^crds/' },
    to: { path: '^(?:policy|session|sidecar|store|cli|operator|e2e|images)/' },
  },
  {
    name: 'policy-imports-crds-only',
    comment: 'policy/ is pure and knows only the resources.',
    severity: 'error',
    from: { path: '^policy/' },
    to: { path: '^(?:session|sidecar|store|cli|operator|e2e|images)/' },
  },
  {
    name: 'session-imports-crds-only',
    comment: 'session/ is pure: a record says what happened in its own words.',
    severity: 'error',
    from: { path: '^session/' },
    to: { path: '^(?:policy|sidecar|store|cli|operator|e2e|images)/' },
  },
  {
    name: 'parts-never-import-each-other',
    comment: 'sidecar/, store/, cli/ and operator/ meet in crds/, policy/, session/ and their services.',
    severity: 'error',
    from: { path: '^(sidecar|store|cli|operator)/' },
    to: { path: PARTS, pathNot: '^$1/' },
  },
  {
    name: 'e2e-is-imported-by-nobody',
    comment: 'e2e/ may import all; nothing may lean on it.',
    severity: 'error',
    from: { pathNot: '^e2e/' },
    to: { path: '^e2e/' },
  },
  {
    name: 'pure-packages-do-no-io',
    comment:
      'policy/ and session/ take what they need as arguments: no files, sockets, processes, clock or environment.',
    severity: 'error',
    from: { path: '^(?:policy|session)/src/', pathNot: '\\.test\\.ts$' },
    to: { dependencyTypes: ['core'], pathNot: PURE_BUILTINS },
  },
  {
    name: 'protocols-are-sans-io',
    comment: 'A protocol is bytes in and steps out, so that each case can be replayed split at every byte.',
    severity: 'error',
    from: { path: '^sidecar/src/protocols/', pathNot: '\\.test\\.ts$' },
    to: { dependencyTypes: ['core'], pathNot: PURE_BUILTINS },
  },
  {
    name: 'protocols-know-no-machinery',
    comment: 'A protocol must not reach sockets, the spool, the store, the configuration or the identity check.',
    severity: 'error',
    from: { path: '^sidecar/src/protocols/', pathNot: '\\.test\\.ts$' },
    to: { path: '^sidecar/src/(?:relay|spool|uplink|config|identity)(?:/|\\.)' },
  },
  {
    name: 'no-cycles',
    comment: 'Two modules that need each other are one, or share a third.',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
  {
    name: 'everything-resolves',
    comment: 'An import that is not found would be judged by no rule.',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true },
  },
];
