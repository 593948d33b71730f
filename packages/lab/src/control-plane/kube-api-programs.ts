import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { ClusterPlan } from '../mesh-plan.ts';
import { nodeProgram } from '../workspace.ts';
import type { KubePki } from './kube-credentials.ts';
import type { ServiceProgram } from './service-process.ts';

/** The programs that are the Kubernetes API of one cluster. */
export interface KubeApi {
  readonly programs: readonly ServiceProgram[];
  /** The real controllers run, so the lab's own do not. */
  readonly hasControllers: boolean;
  /** The stand-in also listens on a unix socket; the real one only on its address. */
  readonly hasSocket: boolean;
}

export interface KubeApiFiles {
  readonly pki: KubePki;
  /** Kubeconfig of an administrator, with the control plane's own address. */
  readonly kubeconfigFile: string;
}

/** What `kill` and `status` call it, whichever it is. */
const apiName = 'kube-api';

/** The lab's own stand-in: one process, whose objects survive it in a journal. */
export function memoryKubeApi(cluster: ClusterPlan, { pki }: KubeApiFiles): KubeApi {
  const { address, port, socket, ...place } = cluster.controlPlane;
  const argv = [
    ...nodeProgram('packages/lab/src/kube-api/main.ts'),
    `--bind-address=${address}`,
    `--secure-port=${port}`,
    `--socket=${socket}`,
    `--tls-cert-file=${pki.serverCertFile}`,
    `--tls-private-key-file=${pki.serverKeyFile}`,
    `--client-ca-file=${pki.caFile}`,
    `--data-dir=${join(cluster.dir, 'kube-api')}`,
    serviceRangeFlag(cluster),
    `--data-dir=${join(cluster.dir, 'kube-api')}`,
    `--pod-log-dir=${join(dirname(cluster.dir), 'logs', cluster.name)}`,
  ];
  return {
    programs: [{ name: apiName, cluster: cluster.name, argv, place }],
    hasControllers: false,
    hasSocket: true,
  };
}

/** The real programs, in a directory as `setup-envtest` makes it: etcd, kube-apiserver, perhaps more. */
export async function envtestKubeApi(assets: string, cluster: ClusterPlan, files: KubeApiFiles): Promise<KubeApi> {
  const { address: _address, port: _port, socket: _socket, ...place } = cluster.controlPlane;
  const controllers = 'kube-controller-manager';
  const hasControllers = await isThere(join(assets, controllers));
  const program = (binary: string, name: string, flags: readonly string[]): ServiceProgram => ({
    name,
    cluster: cluster.name,
    argv: [join(assets, binary), ...flags],
    place,
  });
  return {
    programs: [
      program('etcd', 'kube-etcd', etcdFlags(cluster)), // the mesh has an etcd of its own
      program('kube-apiserver', apiName, apiserverFlags(cluster, files.pki)),
      ...(hasControllers ? [program(controllers, controllers, controllerFlags(cluster, files))] : []),
    ],
    hasControllers,
    hasSocket: false,
  };
}

/** Only Kubernetes' own etcd, on loopback; that of the mesh is a pod of its own. */
function etcdFlags({ controlPlane, dir }: ClusterPlan): readonly string[] {
  const host = loopbackOf(controlPlane);
  return [
    `--data-dir=${join(dir, 'kube-etcd')}`,
    `--listen-client-urls=http://${host}:2379`,
    `--advertise-client-urls=http://${host}:2379`,
    `--listen-peer-urls=http://${host}:2380`,
    `--unsafe-no-fsync`,
  ];
}

function apiserverFlags(cluster: ClusterPlan, pki: KubePki): readonly string[] {
  const { controlPlane, dir } = cluster;
  return [
    `--etcd-servers=http://${loopbackOf(controlPlane)}:2379`,
    `--bind-address=${controlPlane.address}`,
    `--advertise-address=${controlPlane.address}`,
    `--secure-port=${controlPlane.port}`,
    `--cert-dir=${join(dir, 'kube-run')}`,
    `--tls-cert-file=${pki.serverCertFile}`,
    `--tls-private-key-file=${pki.serverKeyFile}`,
    `--client-ca-file=${pki.caFile}`,
    serviceRangeFlag(cluster),
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${pki.tokenPublicKeyFile}`,
    `--service-account-signing-key-file=${pki.tokenKeyFile}`,
    '--authorization-mode=RBAC',
    // Tokens are certificates here, and nobody would take the taint of a new node away again.
    '--disable-admission-plugins=ServiceAccount,TaintNodesByCondition',
    '--allow-privileged=true',
  ];
}

function serviceRangeFlag({ serviceCidr, serviceCidr6 }: ClusterPlan): string {
  return `--service-cluster-ip-range=${[serviceCidr, ...(serviceCidr6 === undefined ? [] : [serviceCidr6])].join(',')}`;
}

/**
 * What the lab's own controllers stand in for, and clean-up. Not the one of nodes: the kubelets send no heartbeats. Named
 * as before Kubernetes 1.28, which every later version understands, too.
 */
const realControllers = [
  'deployment',
  'replicaset',
  'daemonset',
  'endpointslice',
  'garbagecollector',
  'namespace',
  'serviceaccount',
];

function controllerFlags({ controlPlane, dir }: ClusterPlan, { kubeconfigFile, pki }: KubeApiFiles): readonly string[] {
  return [
    `--kubeconfig=${kubeconfigFile}`,
    `--bind-address=${loopbackOf(controlPlane)}`,
    `--cert-dir=${join(dir, 'kube-run')}`,
    '--leader-elect=false',
    `--root-ca-file=${pki.caFile}`,
    `--service-account-private-key-file=${pki.tokenKeyFile}`,
    `--controllers=${realControllers.join(',')}`,
  ];
}

/** In a network namespace of its own it is 127.0.0.1; without one, clusters must not meet there. */
function loopbackOf({ netns, address }: ClusterPlan['controlPlane']): string {
  return netns === undefined ? address : '127.0.0.1';
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
