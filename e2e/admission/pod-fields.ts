/** What the guards or injection do about a field: its name stands in their text. */
export const JUDGED = 'judged';

/** Every field of a pod that opens something, or could: what is done about it, or why nothing is. By the schema of the API server that has it. */
export const POD_FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  PodSpec: {
    ...all(
      JUDGED,
      'automountServiceAccountToken containers dnsConfig dnsPolicy hostIPC hostNetwork hostPID initContainers securityContext shareProcessNamespace volumes',
    ),
    ephemeralContainers: 'no pod is made with them; sidegate-debug judges those that are added',
    ...all(
      'says where and when the pod runs, and for how long',
      'activeDeadlineSeconds affinity nodeName nodeSelector preemptionPolicy priority priorityClassName readinessGates restartPolicy schedulerName schedulingGates schedulingGroup terminationGracePeriodSeconds tolerations topologySpreadConstraints',
    ),
    ...all(
      'gives the pod names, which lead its own agents elsewhere than to the gate, with nothing to log in with',
      'enableServiceLinks hostAliases hostname hostnameOverride setHostnameAsFQDN subdomain',
    ),
    ...all(
      'gives what the cluster’s administrator has made for pods to use',
      'overhead resourceClaims runtimeClassName',
    ),
    ...all('is shared by all containers of the pod; a gate without them does not run', 'resources'),
    ...all('says who the pod is, which tokens of our audiences say as well', 'serviceAccount serviceAccountName'),
    hostUsers: 'is one more wall, or none: agent and gate have different users on either side of it',
    imagePullSecrets: 'opens registries; the gate’s image is compared',
    os: 'the API server refuses what the gate says of itself where it is not linux',
  },
  Container: { ...containerFields() },
  EphemeralContainer: { ...containerFields(), targetContainerName: JUDGED },
  SecurityContext: {
    ...all(JUDGED, 'allowPrivilegeEscalation capabilities privileged runAsUser'),
    ...all(
      'changes what the container may do to itself and to the node’s kernel, not to the gate',
      'appArmorProfile procMount readOnlyRootFilesystem runAsGroup runAsNonRoot seLinuxOptions seccompProfile windowsOptions',
    ),
  },
  PodSecurityContext: {
    ...all(JUDGED, 'runAsUser sysctls'),
    ...all(
      'the gate’s container says its own, or shares no file with others by it',
      'appArmorProfile fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot seLinuxChangePolicy seLinuxOptions seccompProfile supplementalGroups supplementalGroupsPolicy windowsOptions',
    ),
  },
  Volume: {
    ...all(JUDGED, 'hostPath name projected secret'),
    ...all(
      'holds files of the pod or of its namespace',
      'configMap downwardAPI emptyDir ephemeral image persistentVolumeClaim',
    ),
    csi: 'a driver that the cluster’s administrator has installed for pods',
    ...all(
      'is mounted from elsewhere: sidegate-pods/outlets, where egress is locked',
      'awsElasticBlockStore azureDisk azureFile cephfs cinder fc flexVolume flocker gcePersistentDisk gitRepo glusterfs iscsi nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume',
    ),
  },
  VolumeProjection: {
    ...all(JUDGED, 'secret serviceAccountToken'),
    ...all('sidegate-pods/certificates knows it to prove nothing', 'clusterTrustBundle configMap downwardAPI'),
    podCertificate: 'sidegate-pods/certificates refuses what it does not know',
  },
  VolumeMount: {
    ...all(JUDGED, 'mountPath name readOnly'),
    ...all('of a volume that may be mounted', 'mountPropagation recursiveReadOnly subPath subPathExpr'),
  },
  EnvVarSource: {
    ...all(JUDGED, 'fileKeyRef secretKeyRef'),
    ...all('facts and files of the namespace', 'configMapKeyRef fieldRef resourceFieldRef'),
  },
  EnvFromSource: { ...all(JUDGED, 'secretRef'), ...all('files of the namespace', 'configMapRef prefix') },
};

function containerFields(): Readonly<Record<string, string>> {
  return {
    ...all(JUDGED, 'env envFrom name securityContext volumeMounts'),
    ...all(
      'is the agent’s own; of the gate every field is compared',
      'args command image imagePullPolicy lifecycle livenessProbe ports readinessProbe resizePolicy resources restartPolicy restartPolicyRules startupProbe stdin stdinOnce terminationMessagePath terminationMessagePolicy tty workingDir',
    ),
    volumeDevices: 'only of claims; none of the gate’s volumes is one',
  };
}

function all(what: string, fields: string): Readonly<Record<string, string>> {
  return Object.fromEntries(fields.split(' ').map((field) => [field, what]));
}
