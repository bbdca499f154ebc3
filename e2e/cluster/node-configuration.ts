import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_SERVER_PORT, type NodeNetwork, networkOf } from './node-network.ts';

/** Where the Service of the cluster's names is. */
const DNS = '10.96.0.10';
/** What containers are started from while nothing of theirs runs. */
export const PAUSE_IMAGE = 'localhost/pause:3.10';

/** Writes the configuration of every program of the node below `state`. */
export function writeNodeConfiguration(state: string, programs: string): void {
  for (const folder of ['logs', 'cni', 'containerd', 'kubelet']) mkdirSync(join(state, folder), { recursive: true });
  writeFileSync(join(state, 'containerd.toml'), containerd(state, programs));
  writeFileSync(join(state, 'kubelet.json'), JSON.stringify(kubelet(state)));
  writeFileSync(join(state, 'proxy.json'), JSON.stringify(proxy(state)));
  writeFileSync(join(state, 'cni', '10-bridge.conflist'), JSON.stringify(bridge(state)));
  writeFileSync(join(state, 'resolv.conf'), 'nameserver 127.0.0.1\n');
  writeFileSync(join(state, 'Corefile'), corefile(state));
}

/** Names outside of the cluster do not exist here: nothing of it asks the world. */
function corefile(state: string): string {
  return `.:53 {
  bind ${networkOf(state).node}
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${join(state, 'certs', 'dns.kubeconfig')}
    ttl 5
  }
}
`;
}

/** The Service that every pod's resolv.conf names, on the name server that runs as a process of the node. */
export const dnsService = ({ node }: NodeNetwork): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'kube-dns', namespace: 'kube-system' },
        spec: { clusterIP: DNS, ports: dnsPorts() },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'kube-dns', namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'kube-dns' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [node], conditions: { ready: true } }],
        ports: dnsPorts(),
      },
    ],
  });

function dnsPorts(): readonly object[] {
  return [
    { name: 'dns', protocol: 'UDP', port: 53 },
    { name: 'dns-tcp', protocol: 'TCP', port: 53 },
  ];
}

function containerd(state: string, programs: string): string {
  return `version = 3
root = "${state}/containerd/root"
state = "${state}/containerd/state"
[grpc]
  address = "${state}/containerd/containerd.sock"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "${PAUSE_IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
  enable_selinux = false
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["${programs}/cni"]
    conf_dir = "${state}/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
}

/** Below which cgroup the kubelet keeps its pods; undefined for the root, where the default cluster has them. */
export function cgroupRoot({ number, namespace }: NodeNetwork): string | undefined {
  return number === 0 ? undefined : namespace;
}

function kubelet(state: string): object {
  const root = cgroupRoot(networkOf(state));
  return {
    ...(root === undefined ? {} : { cgroupRoot: `/${root}` }),
    // A kubelet removes the logs of pods that it does not know.
    podLogsDir: join(state, 'pod-logs'),
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: networkOf(state).node,
    containerRuntimeEndpoint: `unix://${state}/containerd/containerd.sock`,
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    failSwapOn: false,
    clusterDNS: [DNS],
    clusterDomain: 'cluster.local',
    resolvConf: join(state, 'resolv.conf'),
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(state, 'certs', 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: join(state, 'certs', 'kubelet.crt'),
    tlsPrivateKeyFile: join(state, 'certs', 'kubelet.key'),
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'imagefs.available': '1%',
      'nodefs.inodesFree': '1%',
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    healthzBindAddress: '127.0.0.1',
    volumePluginDir: join(state, 'volumeplugins'),
  };
}

function proxy(state: string): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    bindAddress: networkOf(state).node,
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    clientConnection: { kubeconfig: join(state, 'certs', 'proxy.kubeconfig') },
    clusterCIDR: '10.244.0.0/16',
    hostnameOverride: 'node1',
    mode: 'iptables',
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}

function bridge(state: string): object {
  const ranges = [[{ subnet: '10.244.0.0/24' }]];
  const ipam = { type: 'host-local', ranges, routes: [{ dst: '0.0.0.0/0' }], dataDir: join(state, 'cni-data') };
  return {
    cniVersion: '0.4.0',
    name: 'k8s',
    plugins: [
      { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: true, hairpinMode: true, ipam },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

/** The programs of the node in the order of their start, with their parameters. */
export function nodePrograms(
  state: string,
  programs: string,
): readonly { readonly name: string; readonly program: string; readonly parameters: readonly string[] }[] {
  const { node } = networkOf(state);
  const certs = join(state, 'certs');
  const config = (name: string): string => join(certs, `${name}.kubeconfig`);
  const three = (name: string): readonly string[] =>
    ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map((flag) => `--${flag}=${config(name)}`);
  return [
    {
      name: 'etcd',
      program: join(programs, 'etcd'),
      parameters: [
        '--data-dir',
        join(state, 'etcd'),
        '--listen-client-urls',
        'http://127.0.0.1:2379',
        '--advertise-client-urls',
        'http://127.0.0.1:2379',
        '--listen-peer-urls',
        'http://127.0.0.1:2380',
        '--unsafe-no-fsync',
        '--log-level',
        'warn',
      ],
    },
    {
      name: 'kube-apiserver',
      program: join(programs, 'kube-apiserver'),
      parameters: [
        '--etcd-servers=http://127.0.0.1:2379',
        `--advertise-address=${node}`,
        `--bind-address=${node}`,
        `--secure-port=${API_SERVER_PORT}`,
        `--tls-cert-file=${certs}/apiserver.crt`,
        `--tls-private-key-file=${certs}/apiserver.key`,
        `--client-ca-file=${certs}/ca.crt`,
        '--authorization-mode=Node,RBAC',
        '--service-cluster-ip-range=10.96.0.0/16',
        `--service-account-key-file=${certs}/sa.pub`,
        `--service-account-signing-key-file=${certs}/sa.key`,
        '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
        `--kubelet-client-certificate=${certs}/apiserver-kubelet.crt`,
        `--kubelet-client-key=${certs}/apiserver-kubelet.key`,
        `--kubelet-certificate-authority=${certs}/ca.crt`,
        '--kubelet-preferred-address-types=InternalIP',
        `--requestheader-client-ca-file=${certs}/front-ca.crt`,
        '--requestheader-allowed-names=front-proxy-client',
        '--requestheader-username-headers=X-Remote-User',
        '--requestheader-group-headers=X-Remote-Group',
        '--requestheader-extra-headers-prefix=X-Remote-Extra-',
        `--proxy-client-cert-file=${certs}/front.crt`,
        `--proxy-client-key-file=${certs}/front.key`,
        '--enable-admission-plugins=NodeRestriction',
        '--allow-privileged=true',
        `--cert-dir=${state}/apiserver-certs`,
      ],
    },
    {
      name: 'kube-controller-manager',
      program: join(programs, 'kube-controller-manager'),
      parameters: [
        ...three('controller-manager'),
        '--bind-address=127.0.0.1',
        `--root-ca-file=${certs}/ca.crt`,
        `--service-account-private-key-file=${certs}/sa.key`,
        '--use-service-account-credentials=true',
        `--cluster-signing-cert-file=${certs}/ca.crt`,
        `--cluster-signing-key-file=${certs}/ca.key`,
        '--leader-elect=false',
        `--cert-dir=${state}/controller-manager-certs`,
      ],
    },
    {
      name: 'kube-scheduler',
      program: join(programs, 'kube-scheduler'),
      parameters: [
        ...three('scheduler'),
        '--bind-address=127.0.0.1',
        '--leader-elect=false',
        `--cert-dir=${state}/scheduler-certs`,
      ],
    },
    { name: 'containerd', program: join(programs, 'containerd'), parameters: ['-c', join(state, 'containerd.toml')] },
    {
      name: 'kubelet',
      program: join(programs, 'kubelet'),
      parameters: [
        `--config=${state}/kubelet.json`,
        `--kubeconfig=${config('kubelet')}`,
        '--hostname-override=node1',
        `--node-ip=${node}`,
        `--root-dir=${state}/kubelet`,
        `--cert-dir=${state}/kubelet-certs`,
        '--v=2',
      ],
    },
    {
      name: 'kube-proxy',
      program: join(programs, 'kube-proxy'),
      parameters: [`--config=${state}/proxy.json`, '--v=2'],
    },
    { name: 'coredns', program: join(programs, 'coredns'), parameters: ['-conf', join(state, 'Corefile')] },
  ];
}
