import { KubeConfig } from '@kubernetes/client-node';
import { type ApiClient, type ApiRequest, openApiClient } from '../../../operator/src/kube/api-client.ts';
import { MACHINE_TIME } from '../../../operator/src/kube/timing.ts';
import type { Ended, ExecOptions } from '../cluster.ts';
import type { Stage } from '../cluster-stage.ts';
import type { Outcome } from './outcome.ts';

/** A namespace with the injection label and no Pod Security profile: what is refused there is refused by Sidegate alone. */
export const BOTS = 'bots';
/** A namespace without the label, which the attacker administers as well. */
export const OUTSIDE = 'outside';
/** A pod of {@link BOTS} with its gate and a Target; its agent is root. */
export const VICTIM = 'victim';
/** Another pod there; its agent was given what the victim's looks for. */
export const HOLDER = 'holder';
/** A third, which is debugged. */
export const DEBUGGED = 'debugged';
/** The user that the agents' service account is. */
export const BOT_USER = `system:serviceaccount:${BOTS}:bot`;
/** Administers {@link BOTS}, may debug and resize there, and may write namespaces: more than ClusterRole admin. */
export const MALLORY = 'mallory';
/** The password that opens the Target, which only a gate has. */
export const CREDENTIAL = 'only-the-gate-knows';

export type Fields = Readonly<Record<string, unknown>>;
export type Asked = Omit<ApiRequest, 'signal'>;

const REQUEST_MS = 60_000;

/** Where attempts are made, and by whom. */
export class Ground {
  readonly stage: Stage;
  /** Whoever administers the cluster: takes guards away, and puts them back. */
  readonly admin: ApiClient;
  readonly attacker: ApiClient;

  constructor(stage: Stage) {
    this.stage = stage;
    this.admin = clientOf(stage.kubeconfig);
    this.attacker = clientOf(stage.kubeconfig, MALLORY);
  }

  /** A request of the attacker, as an attempt. */
  async asks(asked: Asked): Promise<Outcome> {
    const answer = await this.attacker.request({ ...asked, signal: AbortSignal.timeout(REQUEST_MS) });
    if (!answer.ok) return { succeeded: false, said: answer.fault.message };
    const { kind = 'an answer', metadata }: { kind?: string; metadata?: { name?: string } } = Object(answer.value);
    return { succeeded: true, said: `the API server did it: ${kind} ${metadata?.name ?? ''}` };
  }

  /** A request of the administrator. Throws when it is refused. */
  async must(asked: Asked): Promise<unknown> {
    const answer = await this.admin.request({ ...asked, signal: AbortSignal.timeout(REQUEST_MS) });
    if (!answer.ok) throw new Error(`${asked.method ?? 'GET'} ${asked.path}: ${answer.fault.message}`);
    return answer.value;
  }

  /** The attacker's kubectl. */
  kubectl(parameters: readonly string[], input?: string): Promise<Ended> {
    return this.stage.cluster.try([...parameters, `--as=${MALLORY}`], input);
  }

  /** Runs a command in the agent's container of a pod of {@link BOTS}. */
  inAgent(command: readonly string[], pod = VICTIM, options: ExecOptions = {}): Promise<Ended> {
    return this.stage.cluster.exec(BOTS, pod, command, { container: 'agent', ...options });
  }

  /**
   * A token of the service account that every pod of {@link BOTS} has, made as a kubelet makes it: bound to the pod; to none when it is empty. An
   * empty audience is the API server's.
   */
  async token(audience: string, pod: string = VICTIM): Promise<string> {
    const object = ['--bound-object-kind=Pod', `--bound-object-name=${pod}`];
    const bound = pod === '' ? [] : [...object, `--bound-object-uid=${await this.uid(pod)}`];
    const kubelet = ['--as=a-kubelet', '--as-group=system:nodes', '--as-group=system:masters'];
    const audiences = audience === '' ? [] : [`--audience=${audience}`];
    const parameters = ['create', 'token', 'bot', '-n', BOTS, ...audiences, ...bound, ...kubelet];
    return (await this.stage.cluster.kubectl(...parameters)).trim();
  }

  /** The UID of a pod of {@link BOTS}. */
  uid(pod = VICTIM): Promise<string> {
    return this.stage.cluster.value('pod', pod, BOTS, '{.metadata.uid}');
  }
}

function clientOf(kubeconfig: string, user?: string): ApiClient {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const own = config.getCurrentUser();
  const cluster = config.getCurrentCluster();
  if (own === null || cluster === null) throw new Error(`${kubeconfig} names no cluster or no user`);
  if (user !== undefined) config.loadFromClusterAndUser(cluster, { ...own, impersonateUser: user });
  return openApiClient({ config, timing: MACHINE_TIME });
}
