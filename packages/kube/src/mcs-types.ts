/** Multi-Cluster Services API (sigs.k8s.io/mcs-api): the fields that the mesh reads or writes, equal in all its versions. */
import type { KubeObject, Resource } from './kube-client.ts';
import type { Condition, Labels } from './object-types.ts';

/** Exports the Service of the same name. */
export interface ServiceExport extends KubeObject {
  readonly spec?: { readonly exportedLabels?: Labels; readonly exportedAnnotations?: Labels };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** Newest first: the ones before v1beta1 are what older clusters have. */
export const serviceExportVersions: readonly string[] = ['v1beta1', 'v1alpha1'];

export const serviceExports: Resource<ServiceExport> = {
  group: 'multicluster.x-k8s.io',
  version: 'v1beta1',
  plural: 'serviceexports',
  kind: 'ServiceExport',
  namespaced: true,
};
