import { namespaces, referenceTo, services } from '@clustermesh/kube';
import type { EventRecorder, KubeObject, ListWatchObserver, Namespace, Resource, Service } from '@clustermesh/kube';
import { namespaceAnnotationProblems, serviceAnnotationProblems, serviceSharing } from '@clustermesh/wire';

/** Tells people, as Events, where annotations do not do what they seem to say. Each thing once, until it changes. */
export class AnnotationAdvisor {
  readonly #recorder: Pick<EventRecorder, 'record'>;
  /** What was told, by uid: only of objects that have a problem. */
  readonly #told = new Map<string, string>();

  constructor(recorder: Pick<EventRecorder, 'record'>) {
    this.#recorder = recorder;
  }

  service(service: Service, isNamespaceGlobal: boolean): void {
    const { annotations, namespace = '' } = service.metadata;
    const problems = serviceAnnotationProblems(annotations);
    const isKeptHome = serviceSharing(annotations).global && !isNamespaceGlobal;
    this.#tell(services, service, [
      ...problems,
      ...(isKeptHome
        ? [`not shared with other clusters: namespace ${namespace} is not global (clustermesh.cilium.io/global)`]
        : []),
    ]);
  }

  /** The same calls as `observer` gets, with a look at each namespace. */
  watching(observer: ListWatchObserver<Namespace>): ListWatchObserver<Namespace> {
    return {
      upserted: (namespace) => {
        observer.upserted(namespace);
        this.#tell(namespaces, namespace, namespaceAnnotationProblems(namespace.metadata.annotations));
      },
      deleted: (namespace) => {
        observer.deleted(namespace);
        this.forget(namespace);
      },
      synced: () => observer.synced(),
    };
  }

  forget({ metadata }: KubeObject): void {
    this.#told.delete(metadata.uid ?? '');
  }

  #tell<T extends KubeObject>(resource: Resource<T>, object: T, problems: readonly string[]): void {
    const { uid = '' } = object.metadata;
    const all = problems.join('\n');
    if (all === (this.#told.get(uid) ?? '')) return;
    if (all === '') this.#told.delete(uid);
    else this.#told.set(uid, all);
    for (const message of problems) {
      const regarding = referenceTo(resource, object);
      this.#recorder.record({ regarding, type: 'Warning', reason: 'MeshAnnotation', message });
    }
  }
}
