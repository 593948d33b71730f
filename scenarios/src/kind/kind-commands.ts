import { probeArguments } from '../provider.ts';
import type { Cut, Kill, ProviderCommands } from '../provider.ts';
import type { ClusterTopology, Topology } from '../topology.ts';
import { configFolder, kindName, nodeContainers } from './kind-cluster.ts';

/** Where a scenario's clusters on kind keep what belongs to them on this machine. */
export interface KindPlan {
  readonly mesh: string;
  readonly topology: Topology;
  /** Holds the kubeconfig of all clusters and, per cluster, what is installed in it. */
  readonly directory: string;
}

const componentImages = ['clustermesh-apiserver', 'kvstoremesh', 'clustermesh-agent'].map((target) => ({
  target,
  image: `clustermesh/${target}:kind`,
}));
const demoImages = ['echo', 'dns', 'client'].map((target) => ({ target, image: `demo/${target}:v1` }));
const images = [...componentImages, ...demoImages];

/** What a program's command line has in the images; the brackets keep a search from finding itself. */
const patterns: Readonly<Record<Exclude<Kill['program'], 'supervisor'>, string>> = {
  etcd: '[-]-data-dir=/var/run/etcd',
  'clustermesh-apiserver': '[c]lustermesh-apiserver/dist/main.js',
  redis: '[r]edis-server',
  kvstoremesh: '[k]vstoremesh/dist/main.js',
  'clustermesh-agent': '[a]gent/dist/main.js',
  'kube-api': '^[k]ube-apiserver',
  echo: '[d]emo/echo.js',
};

/** Port of the overlay: the agents' default. */
const tunnelPort = 8472;
const chains = { in: { name: 'MESH-CUT-IN', hook: 'PREROUTING' }, out: { name: 'MESH-CUT-OUT', hook: 'POSTROUTING' } };

export function kubeconfigFile({ directory }: KindPlan): string {
  return `${directory}/kubeconfig`;
}

/** The objects that are installed in a cluster: secrets, settings, components. */
export function installationFile({ directory }: KindPlan, cluster: string): string {
  return `${directory}/${cluster}.yaml`;
}

/** Every command line that the kind provider runs, in order, for /bin/sh with KUBECONFIG set. */
export function kindCommands(plan: KindPlan): ProviderCommands {
  const { mesh, topology } = plan;
  const find = (name: string | undefined): ClusterTopology[] =>
    topology.clusters.filter((cluster) => name === undefined || cluster.name === name);
  const containersOf = (name: string | undefined): readonly string[] =>
    find(name).flatMap((cluster) => nodeContainers(mesh, cluster));
  return {
    up: () => [
      `export KUBECONFIG=${kubeconfigFile(plan)}`,
      ...images.map(({ target, image }) => `docker build -f deploy/Dockerfile --target ${target} -t ${image} .`),
      ...topology.clusters.flatMap((cluster) => createCluster(plan, cluster)),
      ...topology.clusters.flatMap(({ name }) => [
        `kubectl --context ${name} -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m`,
        `kubectl --context ${name} -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m`,
      ]),
    ],
    cut: (cut) => {
      const peers = topology.clusters.map(({ name }) => name).filter((name) => name !== cut.cluster);
      const others = (cut.peers ?? peers).flatMap(containersOf);
      return containersOf(cut.cluster).flatMap((container) => cutCommands(container, others, cut));
    },
    restore: (cluster) =>
      containersOf(cluster).map((container) => {
        const flushed = Object.values(chains).map(({ name }) => `iptables -t mangle -F ${name} 2>/dev/null`);
        return `docker exec ${container} sh -c '${flushed.join('; ')}; true'`;
      }),
    memory: () => [],
    kill: ({ cluster, program, node }) => {
      if (program === 'supervisor') return [];
      const index = node === undefined ? undefined : Number(node.slice(1)) - 1;
      const hit = containersOf(cluster).filter((_, at) => index === undefined || at === index);
      const pids = `grep -alE '${patterns[program]}' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3`;
      return hit.map((container) => `docker exec ${container} sh -c "${pids} | xargs -r kill -9"`);
    },
    probe: (cluster, { namespace, name }, probe) => [
      `kubectl --context ${cluster} -n ${namespace} exec -i ${name} -- node /probe/${probe.program}.mjs ${probeArguments(probe).join(' ')}`,
    ],
    collectLogs: (_, directory) =>
      topology.clusters.map(({ name }) => `kind export logs ${directory}/${name} --name ${kindName(mesh, name)}`),
    down: () => topology.clusters.map(({ name }) => `kind delete cluster --name ${kindName(mesh, name)}`),
  };
}

function createCluster(plan: KindPlan, cluster: ClusterTopology): readonly string[] {
  const { name } = cluster;
  const kind = kindName(plan.mesh, name);
  const containers = nodeContainers(plan.mesh, cluster);
  const [first = ''] = containers;
  // A cluster of one node may run everything there; of more, kind keeps workloads off the first.
  const untaint = `kubectl --context ${name} taint node ${first} node-role.kubernetes.io/control-plane:NoSchedule-`;
  return [
    `kind create cluster --name ${kind} --config kind-configs/${configFolder(plan.topology)}/${name}.yaml --wait 5m`,
    `kubectl config rename-context kind-${kind} ${name}`,
    ...(cluster.nodes > 1 ? [untaint] : []),
    // Pins must outlive the agent's pod, so the file system is the node's.
    ...containers.map(
      (container) => `docker exec ${container} sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'`,
    ),
    `kind load docker-image ${images.map(({ image }) => image).join(' ')} --name ${kind}`,
    `kubectl --context ${name} apply --server-side -f ${installationFile(plan, name)}`,
  ];
}

/** Packets between the node containers of two clusters: TCP is the kvstores' connections, UDP the overlay. */
function cutCommands(container: string, others: readonly string[], cut: Cut): readonly string[] {
  const directions = cut.direction === 'both' ? (['in', 'out'] as const) : [cut.direction];
  const match = { control: ' -p tcp', data: ` -p udp --dport ${tunnelPort}`, all: '' }[cut.traffic];
  return directions.flatMap((direction) => {
    const { name, hook } = chains[direction];
    const table = 'iptables -t mangle';
    const create = `${table} -N ${name} 2>/dev/null && ${table} -I ${hook} -j ${name}; true`;
    const flag = direction === 'in' ? '-s' : '-d';
    const drop = (other: string): string =>
      `docker exec ${container} ${table} -A ${name} ${flag} $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' ${other})${match} -j DROP`;
    return [`docker exec ${container} sh -c '${create}'`, ...others.map(drop)];
  });
}
