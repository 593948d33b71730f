import { createHash } from 'node:crypto';
import { describeError, hasCode, isAborted, isMeshError } from '@clustermesh/runtime';
import type { Clock, HealthScope, Logger } from '@clustermesh/runtime';

import type { KubeClient, KubeObject, Resource } from './kube-client.ts';
import type { Event, ObjectReference } from './object-types.ts';
import { apiVersionOf } from './resource-path.ts';
import { events } from './resources.ts';

/** Something that a user is told at the object that it concerns (`kubectl describe`). */
export interface Occurrence {
  readonly regarding: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  /** One word in CamelCase, for filters. */
  readonly reason: string;
  readonly message: string;
}

export interface EventRecorderDeps {
  readonly kube: Pick<KubeClient, 'create' | 'get' | 'patch'>;
  /** Who says it. */
  readonly component: string;
  /** Node that it runs on, if that matters. */
  readonly host?: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly health: HealthScope;
}

/** What is waiting to be written is bounded; more than so many different things at once nobody reads. */
const pendingMax = 1_000;
/** At most so many writes a second: events must never crowd out other requests. */
const writesPerTick = 10;
const tickMs = 1_000;
/** Two observers of one thing say it at about the same time: the second adds nothing. */
const sameMs = 60_000;
/** The API refuses longer ones. */
const messageMax = 1_024;

/** Writes Events of core/v1. The same thing said again is the same Event, counted. */
export class EventRecorder {
  readonly #deps: EventRecorderDeps;
  /** By name of the Event. */
  readonly #pending = new Map<string, Occurrence>();
  #dropped = 0;

  constructor(deps: EventRecorderDeps) {
    this.#deps = deps;
  }

  /** Occurrences that were not told because too many were waiting. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Never waits and never fails: an event that cannot be written is lost, the thing itself shows in status. */
  record(occurrence: Occurrence): void {
    const name = eventName(occurrence);
    if (this.#pending.size >= pendingMax && !this.#pending.has(name)) this.#dropped += 1;
    else this.#pending.set(name, occurrence);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!isAborted(signal)) {
      await this.#writeSome(signal);
      await this.#deps.clock.sleep(tickMs, signal);
    }
  }

  async #writeSome(signal: AbortSignal): Promise<void> {
    const { health, log } = this.#deps;
    for (const [name, occurrence] of [...this.#pending].slice(0, writesPerTick)) {
      try {
        await this.#write(name, occurrence, signal);
        this.#pending.delete(name);
        health.ok();
      } catch (error) {
        if (isAborted(signal)) return;
        if (!hasCode(error, 'KUBE_NOT_FOUND')) health.degraded(describeError(error)); // the namespace may have gone
        if (isMeshError(error) && error.retryable) return;
        this.#pending.delete(name);
        log.debug({ event: name, reason: describeError(error) }, 'event not written');
      }
    }
  }

  async #write(name: string, occurrence: Occurrence, signal: AbortSignal): Promise<void> {
    const { kube, clock } = this.#deps;
    const event = this.#newEvent(name, occurrence);
    try {
      await kube.create(events, event, signal);
    } catch (error) {
      if (!hasCode(error, 'KUBE_ALREADY_EXISTS')) throw error;
      const ref = { namespace: event.metadata.namespace ?? '', name };
      const before = await kube.get(events, ref, signal);
      if (clock.now() - Date.parse(before.lastTimestamp ?? '') < sameMs) return;
      const again = { count: (before.count ?? 1) + 1, lastTimestamp: event.lastTimestamp };
      await kube.patch(events, ref, again, { kind: 'merge' }, signal);
    }
  }

  #newEvent(name: string, { regarding, type, reason, message }: Occurrence): Event {
    const { component, host, clock } = this.#deps;
    const now = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
    return {
      // Events of objects without a namespace are in `default`, where kubectl looks for them.
      metadata: { name, namespace: regarding.namespace ?? 'default' },
      involvedObject: regarding,
      type,
      reason,
      message: message.length > messageMax ? `${message.slice(0, messageMax - 1)}…` : message,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
    };
  }
}

/** How an Event names the object that it is about. */
export function referenceTo<T extends KubeObject>(resource: Resource<T>, { metadata }: T): ObjectReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: metadata.name,
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
    ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
  };
}

/** The same for the same thing said of the same object, whoever says it. */
function eventName({ regarding, type, reason, message }: Occurrence): string {
  const { kind, namespace, name = '', uid } = regarding;
  const told = JSON.stringify([kind, namespace, name, uid, type, reason, message]);
  return `${name}.${createHash('sha256').update(told).digest('hex').slice(0, 16)}`;
}
