/** The objects of a large cluster, as a real API server has them: with what the mesh does not read, half of the bytes. */

export const size = { nodes: 500, pods: 50_000, services: 2_000, labelSets: 1_000, namespaces: 50 };

const podsPerNode = size.pods / size.nodes;
const podsPerService = size.pods / size.services;
const setsPerNamespace = size.labelSets / size.namespaces;

/** What a pod is in one moment of its life. */
export interface PodState {
  readonly name: string;
  /** Which of the label sets, and by that which namespace. */
  readonly labelSet: number;
  readonly node: number;
  /** '' before it has one. */
  readonly ip: string;
  readonly isReady: boolean;
}

/** A pod of the start. */
export function podOf(index: number): PodState {
  const labelSet = index % size.labelSets;
  const node = Math.floor(index / podsPerNode);
  return {
    name: `app-${labelSet}-7c9f8b6d5-${index.toString(36).padStart(5, '0')}`,
    labelSet,
    node,
    ip: `10.${node >> 8}.${node & 255}.${10 + (index % podsPerNode)}`,
    isReady: true,
  };
}

export function namespaceOf(labelSet: number): string {
  return `team-${Math.floor(labelSet / setsPerNamespace)}`;
}

/** Another label set of the same namespace. */
export function neighbourOf(labelSet: number): number {
  const first = Math.floor(labelSet / setsPerNamespace) * setsPerNamespace;
  return first + ((labelSet - first + 1) % setsPerNamespace);
}

export function nodeIp(node: number): string {
  return `172.16.${node >> 8}.${node & 255}`;
}

/** `kind` tells the kinds of objects apart. */
export function uid(kind: number, index: number): string {
  const tail = index.toString(16).padStart(12, '0');
  return `5c1e9a70-${kind.toString(16).padStart(4, '0')}-4000-8000-${tail}`;
}

export function* namespaceObjects(): Generator<object> {
  for (const [index, name] of ['kube-system', 'default'].entries()) yield namespaceObject(name, index);
  for (let index = 0; index < size.namespaces; index++) yield namespaceObject(`team-${index}`, index + 2);
}

function namespaceObject(name: string, index: number): object {
  const labels = { 'kubernetes.io/metadata.name': name };
  return { metadata: { name, uid: uid(1, index), labels, creationTimestamp: created } };
}

const created = '2026-01-05T08:00:00Z';

export function* nodeObjects(): Generator<object> {
  for (let index = 0; index < size.nodes; index++) yield nodeObject(index);
}

function nodeObject(index: number): object {
  const name = nodeName(index);
  const cidr = `10.${index >> 8}.${index & 255}.0/24`;
  const condition = (type: string, status: string): object => ({
    type,
    status,
    lastHeartbeatTime: '2026-01-09T10:11:12Z',
    lastTransitionTime: created,
    reason: `Kubelet${type}`,
    message: `kubelet has said so of ${type}`,
  });
  return {
    metadata: {
      name,
      uid: uid(2, index),
      creationTimestamp: created,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/os': 'linux',
        'node.kubernetes.io/instance-type': 'm6i.4xlarge',
        'topology.kubernetes.io/region': 'eu-central-1',
        'topology.kubernetes.io/zone': `eu-central-1${'abc'[index % 3] ?? 'a'}`,
      },
      annotations: { 'node.alpha.kubernetes.io/ttl': '0' },
      managedFields: [managedFields('kubelet', 'status', 24)],
    },
    spec: { podCIDR: cidr, podCIDRs: [cidr], providerID: `aws:///eu-central-1a/i-${name}` },
    status: {
      capacity: { cpu: '16', memory: '64Gi', pods: '110', 'ephemeral-storage': '100Gi' },
      allocatable: { cpu: '15', memory: '60Gi', pods: '110', 'ephemeral-storage': '90Gi' },
      conditions: [
        condition('MemoryPressure', 'False'),
        condition('DiskPressure', 'False'),
        condition('Ready', 'True'),
      ],
      addresses: [
        { type: 'InternalIP', address: nodeIp(index) },
        { type: 'Hostname', address: name },
      ],
      nodeInfo: { machineID: uid(3, index), bootID: uid(4, index), kernelVersion: '6.12.0', kubeletVersion: 'v1.34.0' },
      images: Array.from({ length: 50 }, (_, image) => ({
        names: [
          `registry.example/app-${image}@sha256:${'0123456789abcdef'.repeat(4)}`,
          `registry.example/app-${image}:1`,
        ],
        sizeBytes: 100_000_000 + image,
      })),
    },
  };
}

export function nodeName(index: number): string {
  return `node-${index}.example`;
}

export function* serviceObjects(): Generator<object> {
  for (let index = 0; index < size.services; index++) {
    const labelSet = index % size.labelSets;
    const ip = `10.96.${index >> 8}.${index & 255}`;
    yield {
      metadata: {
        name: `service-${index}`,
        namespace: namespaceOf(labelSet),
        uid: uid(5, index),
        creationTimestamp: created,
        labels: { 'app.kubernetes.io/name': `app-${labelSet}` },
        annotations: { 'service.cilium.io/global': 'true' },
        managedFields: [managedFields('helm', undefined, 12)],
      },
      spec: {
        type: 'ClusterIP',
        clusterIP: ip,
        clusterIPs: [ip],
        selector: { 'app.kubernetes.io/name': `app-${labelSet}` },
        ports: [
          { name: 'http', protocol: 'TCP', port: 80, targetPort: 'http' },
          { name: 'metrics', protocol: 'TCP', port: 9090, targetPort: 'metrics' },
        ],
        sessionAffinity: 'None',
      },
      status: { loadBalancer: {} },
    };
  }
}

export function* sliceObjects(): Generator<object> {
  for (let index = 0; index < size.services; index++) {
    const namespace = namespaceOf(index % size.labelSets);
    yield {
      metadata: {
        name: `service-${index}-x7k2p`,
        namespace,
        uid: uid(6, index),
        creationTimestamp: created,
        labels: {
          'kubernetes.io/service-name': `service-${index}`,
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        },
        managedFields: [managedFields('kube-controller-manager', undefined, 8)],
      },
      ...{ addressType: 'IPv4' },
      endpoints: Array.from({ length: podsPerService }, (_, at) => endpoint(namespace, index, at)),
      ports: [
        { name: 'http', protocol: 'TCP', port: 8080 },
        { name: 'metrics', protocol: 'TCP', port: 9090 },
      ],
    };
  }
}

/** Pods of the service's label set, as far as there are. */
function endpoint(namespace: string, service: number, at: number): object {
  const round = Math.floor(service / size.labelSets) * podsPerService + at;
  const index = (round * size.labelSets + (service % size.labelSets)) % size.pods;
  const { name, node, ip } = podOf(index);
  return {
    addresses: [ip],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: nodeName(node),
    zone: `eu-central-1${'abc'[node % 3] ?? 'a'}`,
    targetRef: { kind: 'Pod', namespace, name, uid: uid(podKind, index) },
  };
}

/** Of the pods of the start. */
export const podKind = 7;

/** About 4.5 KiB of JSON. */
export function podObject(pod: PodState, identity: string, resourceVersion: string): object {
  const { name, labelSet, node, ip, isReady } = pod;
  const status = ip === '' ? { phase: 'Pending' } : runningStatus(pod);
  const app = `app-${labelSet}`;
  return {
    metadata: {
      name,
      generateName: `${app}-7c9f8b6d5-`,
      namespace: namespaceOf(labelSet),
      uid: identity,
      resourceVersion,
      creationTimestamp: created,
      labels: {
        'app.kubernetes.io/name': app,
        'app.kubernetes.io/part-of': namespaceOf(labelSet),
        'app.kubernetes.io/version': '1.27.3',
        'pod-template-hash': '7c9f8b6d5',
      },
      annotations: {
        'checksum/config': '0123456789abcdef'.repeat(4),
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': '9090',
      },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `${app}-7c9f8b6d5`,
          uid: uid(8, labelSet),
          controller: true,
        },
      ],
      managedFields: [managedFields('kube-controller-manager', undefined, 6), managedFields('kubelet', 'status', 4)],
    },
    spec: {
      nodeName: nodeName(node),
      serviceAccountName: 'workload',
      restartPolicy: 'Always',
      containers: [container(app, 'main', 8080), container(app, 'sidecar', 9090)],
      volumes: [
        { name: 'token', projected: { defaultMode: 420, sources: [{ configMap: { name: 'kube-root-ca.crt' } }] } },
      ],
      tolerations: ['not-ready', 'unreachable'].map((reason) => ({
        key: `node.kubernetes.io/${reason}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
    },
    status: { ...status, qosClass: isReady ? 'Burstable' : 'BestEffort' },
  };
}

function container(app: string, name: string, port: number): object {
  return {
    name,
    image: `registry.example/${app}/${name}:1.27.3`,
    ports: [{ name: name === 'main' ? 'http' : 'metrics', containerPort: port, protocol: 'TCP' }],
    env: ['POD_IP', 'POD_NAME', 'POD_NAMESPACE'].map((variable) => ({
      name: variable,
      valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `status.${variable.toLowerCase()}` } },
    })),
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    volumeMounts: [{ name: 'token', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
    terminationMessagePath: '/dev/termination-log',
    imagePullPolicy: 'IfNotPresent',
  };
}

function runningStatus({ ip, node, isReady, labelSet }: PodState): object {
  const status = isReady ? 'True' : 'False';
  return {
    phase: 'Running',
    hostIP: nodeIp(node),
    hostIPs: [{ ip: nodeIp(node) }],
    podIP: ip,
    podIPs: [{ ip }],
    startTime: created,
    conditions: [
      { type: 'Initialized', status: 'True', lastTransitionTime: created },
      { type: 'Ready', status, lastTransitionTime: created },
      { type: 'ContainersReady', status, lastTransitionTime: created },
      { type: 'PodScheduled', status: 'True', lastTransitionTime: created },
    ],
    containerStatuses: ['main', 'sidecar'].map((name) => ({
      name,
      ready: isReady,
      started: true,
      restartCount: 0,
      image: `registry.example/app-${labelSet}/${name}:1.27.3`,
      imageID: `registry.example/app-${labelSet}@sha256:${'fedcba9876543210'.repeat(4)}`,
      containerID: `containerd://${'0123456789abcdef'.repeat(4)}`,
      state: { running: { startedAt: created } },
    })),
  };
}

/** Who answers for which field: a tree of so many branches. */
function managedFields(manager: string, subresource: string | undefined, branches: number): object {
  const leaf = { '.': {}, 'f:name': {}, 'f:value': {} };
  const fields = Array.from({ length: branches }, (_, at) => [`k:{"name":"field-${at}"}`, leaf] as const);
  return {
    manager,
    operation: 'Update',
    apiVersion: 'v1',
    time: created,
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:spec': Object.fromEntries(fields) },
    ...(subresource === undefined ? {} : { subresource }),
  };
}
