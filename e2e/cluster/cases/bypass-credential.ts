import type { Attempt, Bypass } from '../bypass/attempt.ts';
import { BOTS, CREDENTIAL, type Ground, HOLDER, VICTIM } from '../bypass/ground.ts';
import { type Outcome, outcomeOf } from '../bypass/outcome.ts';
import { withoutClauses, withSecretHosts } from '../bypass/removal.ts';
import { type Place, search } from '../bypass/search.ts';
import { speech } from '../bypass/speech.ts';

const looking = (place: Place, what: string): Attempt => ({
  what,
  refusal: /^nothing: looked into [1-9]/,
  run: (ground) => search(ground, place, VICTIM),
  armed: (ground) => search(ground, place, HOLDER),
});

/** Asks the API server from the agent's container; prints status and answer. The token is the agent's own, or the last argument. */
const ASK = `
import json, ssl, sys, urllib.error, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
method, path, body, token = sys.argv[1:5]
request = urllib.request.Request("https://kubernetes.default.svc" + path, method=method, data=body.encode() or None)
request.add_header("Authorization", "Bearer " + (token or open(folder + "token").read()))
request.add_header("Content-Type", "application/json")
try:
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=folder + "ca.crt")) as answer:
        print("status", answer.status, json.load(answer)["kind"])
except urllib.error.HTTPError as error:
    print("status", error.code, json.load(error).get("message"))
`;

const TOKEN_REQUEST = JSON.stringify({
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  spec: { audiences: ['vault'] },
});

function asking(what: string, method: string, path: string, body = ''): Attempt {
  const ask = async (ground: Ground, token: string): Promise<Outcome> => {
    const ended = await ground.inAgent(['python3', '-c', ASK, method, path, body, token]);
    return outcomeOf(ended, ended.stdout.startsWith('status 2'));
  };
  return {
    what,
    refusal: /^status 401/,
    run: (ground) => ask(ground, ''),
    armed: async (ground) => ask(ground, await ground.token('')),
  };
}

/** psql in the agent's container, straight to the server's own address. */
async function direct(ground: Ground, user: string, password: string): Promise<Outcome> {
  const address = await ground.stage.cluster.value('pod', 'orders-db', 'data', '{.status.podIP}');
  const script =
    'PGPASSWORD="$3" && test -n "$3" || PGPASSWORD=$(cat "$4"); export PGPASSWORD; psql -w -h "$1" -U "$2" -d orders -qAtc "SELECT count(*) FROM orders"';
  const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';
  const ended = await ground.inAgent(['sh', '-c', script, 'direct', address, user, password, token]);
  return outcomeOf(ended, ended.code === 0 && ended.stdout.trim() === '20');
}

const reaching = (user: string): Attempt => ({
  what: `the agent’s own token as the password of ${user}`,
  refusal: /password authentication failed/,
  run: (ground) => direct(ground, user, ''),
  armed: (ground) => direct(ground, 'orders_app', CREDENTIAL),
});

/** What would give the credential away, or make it needless. */
export const CREDENTIAL_BYPASSES: readonly Bypass[] = [
  {
    name: 'search',
    what: 'the credential in the agent’s container, whose user is root',
    refusedBy: 'the containers: the gate has files, processes and memory of its own',
    armedWith: 'the credential given to the agent',
    attempts: [
      looking('environment', 'the environment and command line of every process in /proc'),
      looking('files', 'every file'),
      looking('memory', 'the memory of every process in /proc'),
    ],
  },
  {
    name: 'api',
    what: 'the API server, asked with the agent’s token, whose service account may do all of it',
    refusedBy: 'the token’s audience',
    armedWith: 'a token of the API server’s audience',
    attempts: [
      asking('the Secret', 'GET', '/api/v1/namespaces/data/secrets/bots-db-login'),
      asking('its own pod', 'GET', `/api/v1/namespaces/${BOTS}/pods/${VICTIM}`),
      asking('a further token', 'POST', `/api/v1/namespaces/${BOTS}/serviceaccounts/bot/token`, TOKEN_REQUEST),
    ],
  },
  {
    name: 'mint',
    what: 'a token of the gate’s audience that is shown to the operator',
    refusedBy: '`sidegate-tokens/audience`',
    without: withoutClauses('sidegate-tokens/audience'),
    attempts: [
      {
        what: 'kubectl create token, bound to the pod, and the control stream from the agent’s container',
        refusal: /Only kubelets request tokens/,
        run: async (ground) => {
          const bound = ['--bound-object-kind=Pod', `--bound-object-name=${VICTIM}`];
          const uid = `--bound-object-uid=${await ground.uid()}`;
          const made = await ground.kubectl([
            'create',
            'token',
            'bot',
            '-n',
            BOTS,
            '--audience=sidegate-gate',
            ...bound,
            uid,
          ]);
          if (made.code !== 0) return outcomeOf(made);
          return await speech(ground, 'control', { token: made.stdout.trim(), matches: new RegExp(CREDENTIAL) });
        },
      },
    ],
  },
  {
    name: 'second-target',
    what: 'a second Target that names another host and the same Secret',
    refusedBy: 'the Secret, which names its hosts',
    without: withSecretHosts('bots-db-login', 'bots-db.data.svc stolen-db.data.svc'),
    attempts: [
      {
        what: 'psql to that host, through the gate',
        refusal: /no password supplied[\s\S]*HostNotNamed|HostNotNamed/,
        run: async (ground) => {
          const ended = await ground.inAgent([
            'psql',
            '-w',
            '-h',
            'stolen-db.data.svc',
            '-qAtc',
            'SELECT count(*) FROM orders',
          ]);
          const path = '{range .status.conditions[*]}{.type} {.status} {.reason}: {.message}; {end}';
          const conditions = await ground.stage.cluster.value('target', 'stolen-db', 'data', path);
          const { said } = outcomeOf(ended);
          return { succeeded: ended.stdout.trim() === '20', said: `${said} ${conditions}` };
        },
      },
    ],
  },
  {
    name: 'direct',
    what: 'the Target itself, by its address',
    refusedBy: 'the Target’s own login',
    armedWith: 'the credential',
    attempts: [reaching('orders_app'), reaching('postgres')],
  },
];
