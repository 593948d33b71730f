import type { KubeClient } from '@clustermesh/kube';

/** A cluster in which one end of a link is kept. With `isDryRun` a change is told and not made. */
export interface LinkTarget {
  readonly kube: KubeClient;
  readonly namespace: string;
  readonly isDryRun: boolean;
}
