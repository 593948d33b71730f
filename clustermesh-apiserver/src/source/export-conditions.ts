import { apiVersionOf } from '@clustermesh/kube';
import type { Condition, KubeClient, Resource, ServiceExport } from '@clustermesh/kube';
import { hasCode } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import { rfc3339 } from '@clustermesh/wire';

import type { ExportValidity } from '../map/service-export.ts';

export interface ExportConditionsDeps {
  readonly kube: Pick<KubeClient, 'update'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** Writes the condition `Valid` of ServiceExports, beside those that others write. */
export class ExportConditions {
  readonly #deps: ExportConditionsDeps;

  constructor(deps: ExportConditionsDeps) {
    this.#deps = deps;
  }

  /**
   * Writes nothing when status and reason are there already, whoever wrote them: Cilium's operator says the same. A lost
   * race is no failure, the winner's object comes by the watch.
   */
  async write(
    resource: Resource<ServiceExport>,
    object: ServiceExport,
    validity: ExportValidity,
    signal: AbortSignal,
  ): Promise<void> {
    const conditions = object.status?.conditions ?? [];
    const before = conditions.find(({ type }) => type === validity.type);
    if (before?.status === validity.status && before.reason === validity.reason) return;
    const since = before?.status === validity.status ? before.lastTransitionTime : undefined;
    const condition: Condition = { ...validity, lastTransitionTime: since ?? rfc3339(this.#deps.clock.now()) };
    const others = conditions.filter(({ type }) => type !== validity.type);
    const status = { ...object.status, conditions: [...others, condition] };
    // In the version that is served now, which may not be the one that the object was read in.
    const updated: ServiceExport = { ...object, apiVersion: apiVersionOf(resource), status };
    try {
      await this.#deps.kube.update(resource, updated, { subresource: 'status' }, signal);
    } catch (error) {
      if (!hasCode(error, 'KUBE_CONFLICT', 'KUBE_NOT_FOUND')) throw error;
    }
  }
}
