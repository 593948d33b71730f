import { describeError } from '@clustermesh/runtime';
import { worldIdentity } from '@clustermesh/wire';

import { keyText } from '../../maps/address.ts';
import { mayBeOf } from '../../policy/pod-identity.ts';
import type { IdentifiedPod, PodSubjects } from '../../policy/pod-subjects.ts';
import type { PolicyState } from '../../policy/policy-state.ts';
import type { EndpointRow, EndpointTable } from '../../tables/endpoint-table.ts';
import type { IdentityTable } from '../../tables/identity-table.ts';
import type { IpcacheTable } from '../../tables/ipcache-table.ts';
import type { NamespaceTable } from '../../tables/namespace-table.ts';
import { hostPrefix } from '../../tables/prefix-index.ts';
import type { Devices, PodInterface } from './devices.ts';
import type { EndpointProgrammer } from './endpoint-programmer.ts';

export interface EndpointReconcilerOptions {
  readonly table: EndpointTable;
  readonly ipcache: IpcacheTable;
  readonly identities: Pick<IdentityTable, 'get'>;
  readonly namespaces: Pick<NamespaceTable, 'isGlobal'>;
  readonly programmer: EndpointProgrammer;
  readonly devices: Devices;
  readonly subjects: PodSubjects;
  readonly policy: Pick<PolicyState, 'want' | 'keep' | 'isReady'>;
  readonly localClusterId: number;
}

/** A pod of this node that is not served yet, and why. */
export interface PendingEndpoint {
  readonly namespace: string;
  readonly name: string;
  readonly reason: string;
  /** Nobody will tell when that has changed. */
  readonly needsPolling: boolean;
}

/**
 * From this node's pods to endpoints: an interface with our programs, and an entry with the pod's identity, once what
 * policies say of it is in the maps.
 */
export class EndpointReconciler {
  readonly #options: EndpointReconcilerOptions;
  /** As they were when the pod was looked at last. */
  readonly #identities = new Map<string, number>();
  #pending: readonly PendingEndpoint[] = [];
  #isComplete = false;

  constructor(options: EndpointReconcilerOptions) {
    this.#options = options;
  }

  get pending(): readonly PendingEndpoint[] {
    return this.#pending;
  }

  /** Every pod of the node has been looked at once. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** What programs would miss that begin with these maps, if anything. */
  get missing(): string | undefined {
    if (!this.#isComplete) return 'the pods of this node are not known yet';
    const unjudged = [...this.subjectsInUse()].filter((subject) => !this.#options.policy.isReady(subject));
    return unjudged.length === 0 ? undefined : 'what policies say of the pods of this node is not in the maps yet';
  }

  /** Would a reconciliation change anything that the tables know of? */
  get isBehind(): boolean {
    for (const row of this.#options.table.rows()) {
      const identity = this.#identityOf(row);
      if (identity !== undefined && identity !== this.#identities.get(keyText(row.address))) return true;
    }
    return false;
  }

  /** Brings all up to date. `complete`: every pod of the node is known, so that others may be taken away. */
  async reconcile(complete: boolean, signal: AbortSignal): Promise<void> {
    const { table, devices } = this.#options;
    const rows = [...table.rows()];
    const pods = this.#identified(rows);
    this.#want([...pods.values()]);
    const interfaces = await devices.podInterfaces(
      rows.map(({ address }) => address),
      signal,
    );
    if (signal.aborted) return;
    this.#pending = rows.flatMap(
      (row) => this.#serve(row, interfaces.get(keyText(row.address)), pods.get(row)?.identity) ?? [],
    );
    if (!complete) return;
    this.#removeOthers(new Set([...interfaces.values()].map(({ ifindex }) => ifindex)));
    this.#keepSubjects([...pods.values()]);
    this.#isComplete = true;
  }

  #identified(rows: readonly EndpointRow[]): ReadonlyMap<EndpointRow, IdentifiedPod> {
    const pods = new Map<EndpointRow, IdentifiedPod>();
    for (const row of rows) {
      const identity = this.#identityOf(row);
      if (identity !== undefined) pods.set(row, { row, identity });
    }
    return pods;
  }

  /** Their rows are made while interfaces are looked for. */
  #want(pods: readonly IdentifiedPod[]): void {
    this.#options.policy.want(this.#options.subjects.subjectsOf(pods));
  }

  /** Rows of those whom no entry names any more go after the entries. */
  #keepSubjects(pods: readonly IdentifiedPod[]): void {
    const { subjects, policy } = this.#options;
    const kept = new Set([...this.subjectsInUse(), ...pods.map((pod) => subjects.numberOf(pod))]);
    policy.keep(kept);
    subjects.keep(kept);
  }

  /** Whose rows judge the endpoints in the maps. */
  subjectsInUse(): ReadonlySet<number> {
    const entries = this.#options.programmer.entries();
    return new Set(entries.map(({ subject, identity }) => (subject === 0 ? identity : subject)));
  }

  /** What is in the way, if anything: one pod's trouble is no other's. */
  #serve(row: EndpointRow, found: PodInterface | undefined, identity: number | undefined): PendingEndpoint | undefined {
    const { devices, programmer, subjects, policy } = this.#options;
    const { namespace, name, address } = row;
    const pod = { namespace, name };
    if (found === undefined) return { ...pod, reason: 'its interface is not there yet', needsPolling: true };
    if (identity === undefined) return { ...pod, reason: 'its identity is not known yet', needsPolling: false };
    if (!this.#isItsOwn(identity, row, found)) {
      this.#identities.set(keyText(address), identity);
      return { ...pod, reason: 'its address is still published as another pod’s', needsPolling: false };
    }
    const subject = subjects.numberOf({ row, identity });
    if (!policy.isReady(subject)) {
      return { ...pod, reason: 'what policies say of it is not in the maps yet', needsPolling: false };
    }
    try {
      // The entry first: the program drops what comes from an interface that it does not know.
      programmer.upsert({
        ifindex: found.ifindex,
        identity,
        address,
        mac: found.mac,
        hostMac: found.hostMac,
        subject: subject === identity ? 0 : subject,
      });
      devices.attachPod(found);
      this.#identities.set(keyText(address), identity);
      return undefined;
    } catch (error) {
      return { ...pod, reason: describeError(error), needsPolling: true };
    }
  }

  #removeOthers(found: ReadonlySet<number>): void {
    const { table, devices, programmer } = this.#options;
    const entries = programmer.entries();
    const kept = entries.filter(({ address }) => table.hasAddress(address));
    // Of a pod that does not answer the kernel's question for its MAC address, the interface is not found: it is there.
    devices.keepAttached(new Set([...found, ...kept.map(({ ifindex }) => ifindex)]));
    for (const { address } of entries) {
      if (table.hasAddress(address)) continue;
      programmer.remove(address);
      this.#identities.delete(keyText(address));
    }
  }

  /**
   * As our own cluster publishes it. What it keeps to itself is nobody in particular to the others: they know of the
   * pod only on which node's range it is (ADR 118).
   */
  #identityOf({ address, namespace }: EndpointRow): number | undefined {
    const { ipcache, namespaces, localClusterId } = this.#options;
    const row = ipcache.find(address, hostPrefix);
    if (row?.clusterId !== localClusterId) return namespaces.isGlobal(namespace) === false ? worldIdentity : undefined;
    return row.state === 'waiting-for-identity' ? undefined : row.identity;
  }

  /** A pod whose labels change keeps its identity until it is published anew; a new one takes over nobody else's. */
  #isItsOwn(identity: number, row: EndpointRow, { ifindex }: PodInterface): boolean {
    const { identities, programmer } = this.#options;
    if (mayBeOf(row, identities.get(identity)?.labels ?? [])) return true;
    const served = programmer.get(row.address);
    return served?.ifindex === ifindex && served.identity === identity;
  }
}
