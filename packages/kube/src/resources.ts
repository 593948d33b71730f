/** The built-in resources that the mesh reads or writes. */
import type { CustomResourceDefinition } from './custom-resource-definition.ts';
import type { KubeObject, Resource } from './kube-client.ts';
import type {
  ConfigMap,
  EndpointSlice,
  Event,
  Lease,
  Namespace,
  Node,
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
