import type { Binding, Node, Pod } from '@clustermesh/kube';

import type { Action } from './action.ts';
import { matches } from './daemon-set.ts';
import { isTerminating } from './owned-pods.ts';
import { toleratesTaint } from './taints.ts';

/** The part of affinity that Kubernetes' own DaemonSet controller sets: the pod belongs to the node of that name. */
interface NodeAffinity {
  readonly affinity?: {
    readonly nodeAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: {
        readonly nodeSelectorTerms?: readonly {
          readonly matchFields?: readonly { readonly key: string; readonly values?: readonly string[] }[];
        }[];
      };
    };
  };
}

/** Gives each unbound pod the node with the fewest pods among those it may run on. */
export function schedulePods(nodes: readonly Node[], pods: readonly Pod[]): readonly Action[] {
  const load = new Map(nodes.map(({ metadata }) => [metadata.name, 0]));
  const ports = new Map(nodes.map(({ metadata }) => [metadata.name, new Set<number>()]));
  const place = (pod: Pod, node: string): void => {
    load.set(node, (load.get(node) ?? 0) + 1);
    for (const port of hostPorts(pod)) ports.get(node)?.add(port);
  };
  for (const pod of pods) if (pod.spec.nodeName !== undefined) place(pod, pod.spec.nodeName);

  return pods
    .filter((pod) => pod.spec.nodeName === undefined && !isTerminating(pod))
    .flatMap((pod) => {
      const [best] = nodes
        .filter(
          (node) => mayRunOn(pod, node) && !hostPorts(pod).some((port) => ports.get(node.metadata.name)?.has(port)),
        )
        .map(({ metadata }) => metadata.name)
        .sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0) || a.localeCompare(b));
      if (best === undefined) return [];
      place(pod, best);
      return [bind(pod, best)];
    });
}

function mayRunOn(pod: Pod, { metadata, spec }: Node): boolean {
  const required = requiredNodes(pod);
  return (
    spec?.unschedulable !== true &&
    (spec?.taints ?? []).every((taint) => toleratesTaint(pod.spec, taint)) &&
    matches(pod.spec.nodeSelector, metadata.labels) &&
    (required === undefined || required.includes(metadata.name))
  );
}

function requiredNodes({ spec }: Pod): readonly string[] | undefined {
  const { affinity } = spec as NodeAffinity;
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const fields = terms?.flatMap(({ matchFields = [] }) => matchFields.filter(({ key }) => key === 'metadata.name'));
  return fields === undefined || fields.length === 0 ? undefined : fields.flatMap(({ values = [] }) => values);
}

/** With the host's network every container port is one of the host. */
function hostPorts({ spec }: Pod): readonly number[] {
  return spec.hostNetwork === true
    ? spec.containers.flatMap(({ ports = [] }) => ports.map((port) => port.containerPort))
    : [];
}

function bind({ metadata }: Pod, node: string): Action {
  const { name, namespace = 'default' } = metadata;
  const binding: Binding = { metadata: { name, namespace }, target: { kind: 'Node', name: node } };
  return { kind: 'bind', type: 'podBindings', object: binding };
}
