/** The resources that the mesh reads or writes: built-in ones, and the policies of Cilium. */
import type { CustomResourceDefinition } from './custom-resource-definition.ts';
import type { KubeObject, Resource } from './kube-client.ts';
import type {
  ConfigMap,
  EndpointSlice,
  Event,
  Lease,
  Namespace,
  Node,
  PolicyKubeObject,
  Secret,
  Service,
  ServiceAccount,
} from './object-types.ts';
import type { Binding, DaemonSet, Deployment, Pod, ReplicaSet } from './workload-types.ts';

function core<T extends KubeObject>(plural: string, kind: string, namespaced: boolean): Resource<T> {
  return { group: '', version: 'v1', plural, kind, namespaced };
}

function apps<T extends KubeObject>(plural: string, kind: string): Resource<T> {
  return { group: 'apps', version: 'v1', plural, kind, namespaced: true };
}

export const nodes = core<Node>('nodes', 'Node', false);
export const namespaces = core<Namespace>('namespaces', 'Namespace', false);
export const pods = core<Pod>('pods', 'Pod', true);
/** For `update(podBindings, binding, { subresource: 'binding' })`: gives a pod its node. */
export const podBindings = core<Binding>('pods', 'Binding', true);
export const services = core<Service>('services', 'Service', true);
export const secrets = core<Secret>('secrets', 'Secret', true);
export const configMaps = core<ConfigMap>('configmaps', 'ConfigMap', true);
export const serviceAccounts = core<ServiceAccount>('serviceaccounts', 'ServiceAccount', true);
export const events = core<Event>('events', 'Event', true);
export const deployments = apps<Deployment>('deployments', 'Deployment');
export const replicaSets = apps<ReplicaSet>('replicasets', 'ReplicaSet');
export const daemonSets = apps<DaemonSet>('daemonsets', 'DaemonSet');

export const endpointSlices: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
};

export const leases: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

export const customResourceDefinitions: Resource<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

export const networkPolicies: Resource<PolicyKubeObject> = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'networkpolicies',
  kind: 'NetworkPolicy',
  namespaced: true,
};

/** Their definitions are there where somebody installed them. */
export const ciliumNetworkPolicies: Resource<PolicyKubeObject> = {
  group: 'cilium.io',
  version: 'v2',
  plural: 'ciliumnetworkpolicies',
  kind: 'CiliumNetworkPolicy',
  namespaced: true,
};

export const ciliumClusterwideNetworkPolicies: Resource<PolicyKubeObject> = {
  group: 'cilium.io',
  version: 'v2',
  plural: 'ciliumclusterwidenetworkpolicies',
  kind: 'CiliumClusterwideNetworkPolicy',
  namespaced: false,
};
