import { ServedVersion, objectKey, serviceExports, serviceExportVersions } from '@clustermesh/kube';
import type { ListWatchObserver, ServiceExport as ServiceExportObject } from '@clustermesh/kube';
import { runAll } from '@clustermesh/runtime';
import type { ServiceExport } from '@clustermesh/wire';

import { exportValidity, serviceExport } from '../map/service-export.ts';
import { WorkQueue } from '../work-queue.ts';
import { ExportConditions } from './export-conditions.ts';
import { FirstRound } from './first-round.ts';
import { restMs } from './global-services.ts';
import type { CatalogSourceDeps } from './global-services.ts';
import type { NamespaceTable } from './namespace-table.ts';
import { follow } from './source.ts';
import type { Source } from './source.ts';

export interface ServiceExportsDeps extends CatalogSourceDeps<ServiceExport> {
  readonly namespaces: Pick<NamespaceTable, 'isGlobal'>;
}

/**
 * ServiceExports with the Services that they name -> exports, and a word on each whether it can be (protocol.md §7.7). Where
 * the resource is not installed there are no exports; that is looked at again every few seconds.
 */
export class ServiceExports implements Source {
  readonly #deps: ServiceExportsDeps;
  readonly #served: ServedVersion;
  readonly #objects = new Map<string, ServiceExportObject>();
  readonly #exports: WorkQueue;
  readonly #conditions: WorkQueue;
  readonly #firstRound: FirstRound;
  readonly #writer: ExportConditions;
  /** Without all Services an export would be withdrawn, or called invalid, that is not (I7). */
  readonly #unlisted = new Set(['services', 'serviceexports']);

  constructor(deps: ServiceExportsDeps) {
    this.#deps = deps;
    this.#served = new ServedVersion(deps.kube, serviceExportVersions);
    this.#writer = new ExportConditions(deps);
    const queue = { ...deps, concurrency: 1, restMs };
    this.#firstRound = new FirstRound(() => deps.sink.synced());
    const publish = async (key: string): Promise<void> => {
      this.#publish(key);
      this.#firstRound.worked(key);
    };
    this.#exports = new WorkQueue(publish, { ...queue, name: 'serviceexports' });
    const judge = (key: string, signal: AbortSignal): Promise<void> => this.#judge(key, signal);
    this.#conditions = new WorkQueue(judge, { ...queue, name: 'serviceexport-conditions' });
    deps.catalog.addListener({
      service: (key) => this.#changed(key),
      slice: () => undefined,
      listed: () => this.#listed('services'),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    await runAll(
      [
        (inner) => follow(serviceExports, this.#observer(), { ...this.#deps, kube: this.#served }, inner),
        (inner) => this.#exports.run(inner),
        (inner) => this.#conditions.run(inner),
      ],
      signal,
    );
  }

  #observer(): ListWatchObserver<ServiceExportObject> {
    return {
      upserted: (object) => {
        this.#objects.set(objectKey(object), object);
        this.#changed(objectKey(object));
      },
      deleted: (object) => {
        this.#objects.delete(objectKey(object));
        this.#changed(objectKey(object));
      },
      synced: () => this.#listed('serviceexports'),
    };
  }

  #changed(key: string): void {
    if (this.#unlisted.size > 0) return;
    this.#exports.add(key);
    if (this.#objects.has(key)) this.#conditions.add(key);
  }

  #listed(list: string): void {
    if (!this.#unlisted.delete(list) || this.#unlisted.size > 0) return;
    this.#firstRound.start(this.#objects.keys(), this.#exports);
    for (const key of this.#objects.keys()) this.#conditions.add(key);
  }

  #publish(key: string): void {
    const { cluster, catalog, namespaces, sink } = this.#deps;
    const object = this.#objects.get(key);
    const service = catalog.service(key);
    const isGlobal = namespaces.isGlobal(object?.metadata.namespace ?? '');
    const isValid = exportValidity(service).status === 'True';
    if (object !== undefined && service !== undefined && isGlobal && isValid) {
      sink.upsert(key, serviceExport(object, service, cluster));
    } else {
      sink.delete(key);
    }
  }

  async #judge(key: string, signal: AbortSignal): Promise<void> {
    const object = this.#objects.get(key);
    if (object === undefined) return;
    const validity = exportValidity(this.#deps.catalog.service(key));
    await this.#writer.write(this.#served.of(serviceExports), object, validity, signal);
  }
}
