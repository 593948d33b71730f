import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, Health, MeshError, silentLogger } from '@clustermesh/runtime';

import { EventRecorder, referenceTo } from './event-recorder.ts';
import type { Occurrence } from './event-recorder.ts';
import type { KubeClient, KubeObject, ObjectRef } from './kube-client.ts';
import type { Event } from './object-types.ts';
import { services } from './resources.ts';
import { KubeStatusError } from './status-error.ts';

/** An API that has nothing but Events. */
class EventApi {
  readonly events = new Map<string, Event>();
  requests = 0;
  failure: Error | undefined;

  create(_resource: unknown, event: Event): Promise<Event> {
    this.#request();
    const key = `${event.metadata.namespace ?? ''}/${event.metadata.name}`;
    if (this.events.has(key)) throw new KubeStatusError({ code: 409, reason: 'AlreadyExists', message: 'exists' });
    this.events.set(key, event);
    return Promise.resolve(event);
  }

  get(_resource: unknown, { namespace = '', name }: ObjectRef): Promise<Event> {
    this.#request();
    const event = this.events.get(`${namespace}/${name}`);
    if (event === undefined) throw new Error('no such event');
    return Promise.resolve(event);
  }

  patch(_resource: unknown, ref: ObjectRef, patch: Partial<Event>): Promise<Event> {
    this.#request();
    const key = `${ref.namespace ?? ''}/${ref.name}`;
    const merged = { ...this.events.get(key), ...patch } as Event;
    this.events.set(key, merged);
    return Promise.resolve(merged);
  }

  #request(): void {
    this.requests += 1;
    if (this.failure !== undefined) throw this.failure;
  }
}

const clock = new FakeClock();
let stop: AbortController;
beforeEach(() => {
  stop = new AbortController();
});
afterEach(() => stop.abort());

function start(api: EventApi): { recorder: EventRecorder; health: Health } {
  const health = new Health(clock);
  const recorder = new EventRecorder({
    kube: api as unknown as KubeClient,
    component: 'clustermesh-agent',
    host: 'n1',
    clock,
    log: silentLogger,
    health: health.scope('events'),
  });
  void recorder.run(stop.signal);
  return { recorder, health };
}

const service: KubeObject = { metadata: { name: 'echo', namespace: 'demo', uid: 'u1' } };
const occurrence = (message: string): Occurrence => ({
  regarding: referenceTo(services, service),
  type: 'Warning',
  reason: 'NoRemoteBackends',
  message,
});

describe('EventRecorder', () => {
  it('writes an Event that names its object, in the namespace of the object', async () => {
    const api = new EventApi();
    start(api).recorder.record(occurrence('no other cluster publishes demo/echo'));
    await clock.advance(2_000);
    expect([...api.events.values()]).toMatchObject([
      {
        metadata: { namespace: 'demo', name: expect.stringMatching(/^echo\.[0-9a-f]{16}$/) },
        involvedObject: { apiVersion: 'v1', kind: 'Service', namespace: 'demo', name: 'echo', uid: 'u1' },
        type: 'Warning',
        reason: 'NoRemoteBackends',
        message: 'no other cluster publishes demo/echo',
        count: 1,
        source: { component: 'clustermesh-agent', host: 'n1' },
      },
    ]);
  });

  it('counts the same thing said again, unless another observer has just said it', async () => {
    const api = new EventApi();
    const { recorder } = start(api);
    recorder.record(occurrence('a'));
    await clock.advance(2_000);
    recorder.record(occurrence('a'));
    await clock.advance(2_000);
    expect([...api.events.values()].map(({ count }) => count)).toEqual([1]);
    await clock.advance(60_000);
    recorder.record(occurrence('a'));
    await clock.advance(2_000);
    expect([...api.events.values()].map(({ count }) => count)).toEqual([2]);
  });

  it('writes few a second, and counts what there is no room to remember', async () => {
    const api = new EventApi();
    const { recorder } = start(api);
    await clock.advance(1);
    for (let n = 0; n < 1_005; n++) recorder.record(occurrence(String(n)));
    expect(recorder.dropped).toBe(5);
    await clock.advance(1_000);
    expect(api.requests).toBe(10);
    await clock.advance(100_000);
    expect(api.events.size).toBe(1_000);
  });

  it('keeps what the API cannot take now, and gives up what it refuses', async () => {
    const api = new EventApi();
    const { recorder, health } = start(api);
    api.failure = new MeshError('KUBE_UNAVAILABLE', 'create an event', { retryable: true });
    recorder.record(occurrence('a'));
    await clock.advance(3_000);
    expect(health.report()).toMatchObject([{ name: 'events', state: 'degraded' }]);
    api.failure = new KubeStatusError({ code: 403, reason: 'Forbidden', message: 'no right to create events' });
    await clock.advance(2_000);
    api.failure = undefined;
    recorder.record(occurrence('b'));
    await clock.advance(2_000);
    expect([...api.events.values()].map(({ message }) => message)).toEqual(['b']);
    expect(health.report()).toMatchObject([{ state: 'ok' }]);
  });

  it('shortens a message that the API would refuse', async () => {
    const api = new EventApi();
    start(api).recorder.record(occurrence('x'.repeat(3_000)));
    await clock.advance(2_000);
    expect([...api.events.values()][0]?.message).toHaveLength(1_024);
  });

  it('puts events of objects without a namespace where kubectl looks for them', async () => {
    const api = new EventApi();
    const regarding = { kind: 'Node', name: 'n1', uid: 'n1' };
    start(api).recorder.record({ regarding, type: 'Normal', reason: 'MeshSynced', message: 'ready' });
    await clock.advance(2_000);
    expect([...api.events.keys()][0]).toMatch(/^default\/n1\./);
  });
});
