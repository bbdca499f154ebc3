import type { Container } from '../kinds.ts';

/** The container that closes the pod's network; a pod that brings one of this name itself is refused. */
export const LOCK_CONTAINER = 'sidegate-lock';

/** Whoever may become another user may become the gate's, which the lock lets through. */
export const USER_CAPABILITY = 'SETUID';
/** One of these among the dropped capabilities takes it away. */
export const USER_DROPPED: readonly string[] = ['ALL', USER_CAPABILITY];

/** What of the lock differs from cluster to cluster. */
export interface LockSettings {
  /** An image with Debian's `nft` in it. */
  readonly image: string;
  /** A statement of nftables for what else leaves the pod, by IPv4; absent for nothing. */
  readonly allow4?: string;
  /** The same for IPv6. */
  readonly allow6?: string;
}

/** The statement that lets agents reach these networks. `cidrs`: of one family, with `, ` between them. */
export function allowStatement(family: 'ip' | 'ip6', cidrs: string): string {
  return `${family} daddr { ${cidrs} } accept;`;
}

/**
 * The init container that loads the rules into the pod's network namespace and ends: before the gate and every agent, so that nothing leaves earlier, and
 * again in a new namespace when the pod's sandbox is made anew. It has one capability and no file of the pod's. When `nft` fails, the pod does not start.
 * `user`: the gate's, which alone gets out.
 */
export function lockContainer(lock: LockSettings, user: number): Container {
  return {
    name: LOCK_CONTAINER,
    image: lock.image,
    imagePullPolicy: 'IfNotPresent',
    command: ['/usr/sbin/nft'],
    args: lockRules(lock, user),
    // Set, so that a LimitRanger does not.
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
    securityContext: {
      privileged: false,
      // Only root has the capability without a file that gives it; said here, because a pod may say otherwise.
      runAsUser: 0,
      runAsGroup: 0,
      runAsNonRoot: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationMessagePath: '/dev/termination-log',
    // What nft says against a rule stands in the pod's status.
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

/**
 * The parameters of `nft`, which reads them as one text (nft(8)) and carries it out as one transaction: all rules, or none and a failure. Every time
 * alike, whatever was there before. Protocols are numbers (ICMP 1, TCP 6, ICMPv6 58): in the image is no file that knows their names.
 *
 * What has no socket with an owner is the kernel's own: what it says for a connection after its program has closed it, and neighbour discovery. Agents
 * may answer on connections that came to them, and no more: with `established` alone they could take the port of one that the gate had just closed
 * and go on to the same address.
 */
function lockRules({ allow4, allow6 }: LockSettings, user: number): readonly string[] {
  return [
    'add table inet sidegate; delete table inet sidegate;',
    'table inet sidegate {',
    'chain output { type filter hook output priority filter; policy drop;',
    'oif lo accept;',
    `meta skuid ${user} accept;`,
    `meta skuid != ${user} goto agents;`,
    'ct state established ct direction reply accept;',
    // Some protocols (MPTCP, SMC, RxRPC) send in the name of a socket of the kernel's own: these start nothing, and go on nowhere.
    'tcp flags & (syn | ack) == syn goto refused;',
    'meta l4proto 6 ct state established accept;',
    'ct state related meta l4proto { 1, 58 } accept;',
    'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report, mld-listener-done, mld2-listener-report } accept;',
    'goto refused; };',
    'chain agents { ct state established ct direction reply accept;',
    ...(allow4 === undefined ? [] : [allow4]),
    ...(allow6 === undefined ? [] : [allow6]),
    'goto refused; };',
    // At once, so that a client does not wait for a timeout.
    'chain refused { meta l4proto 6 reject with tcp reset; reject with icmpx admin-prohibited; };',
    'chain forward { type filter hook forward priority filter; policy drop; };',
    '};',
  ];
}
