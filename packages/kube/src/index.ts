export type {
  KubeClient,
  KubeList,
  KubeObject,
  KubeWatchEvent,
  ListOptions,
  ObjectMeta,
  ObjectRef,
  OwnerReference,
  PatchKind,
  Resource,
  Subresource,
} from './kube-client.ts';
