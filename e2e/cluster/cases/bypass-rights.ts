import { INJECTION_LABEL, KEEP_TOKENS_ANNOTATION } from '@sidegate/crds';
import type { Attempt, Bypass } from '../bypass/attempt.ts';
import { type Asked, BOTS, type Fields, OUTSIDE } from '../bypass/ground.ts';
import { DRY, podOf } from '../bypass/pods.ts';
import { withoutClauses } from '../bypass/removal.ts';

const NAMESPACE = `/api/v1/namespaces/${BOTS}`;

function asked(what: string, request: Asked, refusal: RegExp): Attempt {
  return { what, refusal, run: (ground) => ground.asks({ query: DRY, ...request }) };
}

function right(name: string, guard: string, what: string, ...attempts: readonly Attempt[]): Bypass {
  return { name, what, refusedBy: `\`${guard}\``, attempts, without: withoutClauses(guard) };
}

const namespace = (labels: Fields, annotations: Fields = {}): Fields => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: BOTS, labels, annotations },
  spec: { finalizers: ['kubernetes'] },
});

const STAYS = /The label sidegate.dev\/injection=enabled stays/;
const put = (subresource: string, body: Fields): Asked => ({ method: 'PUT', path: `${NAMESPACE}${subresource}`, body });

function mint(audience: string): Attempt {
  const spec = { audiences: ['vault', audience] };
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
  const path = `${NAMESPACE}/serviceaccounts/bot/token`;
  return asked(`a token of the audience ${audience}`, { method: 'POST', path, body }, /Only kubelets request tokens/);
}

/** The same by a pod that has no gate: its kubelet asks for the token. */
function mounted(audience: string): Attempt {
  const volumes = [{ name: 'own', projected: { sources: [{ serviceAccountToken: { audience, path: 'token' } }] } }];
  const body = podOf({ serviceAccountName: 'default', volumes }, 'attempt', { namespace: OUTSIDE });
  const request = { method: 'POST', path: `/api/v1/namespaces/${OUTSIDE}/pods`, body } as const;
  return asked(`a projected token of the audience ${audience}`, request, /which only pods with a gate have/);
}

/** What opens a namespace, and what tokens are made of. */
export const RIGHT_BYPASSES: readonly Bypass[] = [
  right(
    'label',
    'sidegate-namespaces/label',
    'a namespace without its label',
    asked('a PUT to namespaces', put('', namespace({})), STAYS),
    asked('another value, by a PUT to namespaces', put('', namespace({ [INJECTION_LABEL]: 'disabled' })), STAYS),
    asked(
      'a PATCH of namespaces',
      {
        method: 'PATCH',
        path: NAMESPACE,
        contentType: 'application/merge-patch+json',
        body: { metadata: { labels: { [INJECTION_LABEL]: null } } },
      },
      STAYS,
    ),
  ),
  ...['status', 'finalize'].map((subresource) =>
    right(
      `label-${subresource}`,
      `sidegate-namespaces@namespaces/${subresource}`,
      `a namespace without its label, by namespaces/${subresource}`,
      asked(`a PUT to namespaces/${subresource}`, put(`/${subresource}`, namespace({})), STAYS),
    ),
  ),
  right(
    'keep-tokens',
    'sidegate-namespaces/tokens',
    'the API server’s tokens again',
    asked(
      'the annotation of a namespace',
      put('', namespace({ [INJECTION_LABEL]: 'enabled' }, { [KEEP_TOKENS_ANNOTATION]: 'true' })),
      /gives agents the API server's tokens/,
    ),
  ),
  right(
    'token-request',
    'sidegate-tokens/audience',
    'tokens of our audiences by serviceaccounts/token',
    mint('sidegate-gate'),
    mint('sidegate-agent'),
  ),
  right(
    'token-outside',
    'sidegate-outside/tokens',
    'tokens of our audiences in a pod of a namespace without the label, which operator and store would take for a gate',
    mounted('sidegate-gate'),
    mounted('sidegate-agent'),
  ),
  right(
    'token-secret',
    'sidegate-token-secrets/type',
    'a Secret that holds a service-account token',
    asked(
      'a new Secret of that type',
      {
        method: 'POST',
        path: `${NAMESPACE}/secrets`,
        body: {
          apiVersion: 'v1',
          kind: 'Secret',
          type: 'kubernetes.io/service-account-token',
          metadata: { name: 'own', namespace: BOTS, annotations: { 'kubernetes.io/service-account.name': 'bot' } },
        },
      },
      /service-account token cannot be made/,
    ),
  ),
];
