import { Resolver, evaluate } from '@clustermesh/policy';
import type {
  Direction,
  Identity,
  NamedPorts,
  Policy,
  PolicyService,
  Region,
  RowChange,
  Verdict,
} from '@clustermesh/policy';

import { firstWorkloads, localCluster, networks, subjects } from './random-policies.ts';
import type { Happening } from './random-policies.ts';

/** Who asks whom for what. */
export interface AskedFlow {
  readonly subject: number;
  readonly direction: Direction;
  readonly remote: number;
  readonly at: Region;
}

/** Policies and identities twice: in the resolver, and as they are, for whoever asks rule by rule. */
export class PolicyWorld {
  #resolver = new Resolver(localCluster);
  readonly #policies = new Map<string, Policy>();
  readonly #identities = new Map<number, Identity>();
  readonly #services = new Map<string, PolicyService>();
  readonly #ports = new Map<number, NamedPorts>();

  constructor() {
    for (const identity of [...firstWorkloads, ...networks]) this.#upsertIdentity(identity);
    for (const subject of subjects) this.#upsertSubject(subject, new Map());
  }

  takeChanges(): readonly RowChange[] {
    return this.#resolver.takeChanges();
  }

  happen(happening: Happening): void {
    switch (happening.kind) {
      case 'policy':
        this.#policies.set(happening.policy.ref.name, happening.policy);
        this.#resolver.upsertPolicy(happening.policy);
        break;
      case 'no policy':
        this.#policies.delete(happening.name);
        this.#resolver.removePolicy({ kind: 'CiliumNetworkPolicy', namespace: 'demo', name: happening.name });
        break;
      case 'identity':
        this.#upsertIdentity(happening.identity);
        break;
      case 'no identity':
        this.#identities.delete(happening.number);
        this.#resolver.removeIdentity(happening.number);
        break;
      case 'ports':
        this.#upsertSubject(happening.subject, happening.ports);
        break;
      case 'service':
        this.#services.set(happening.service.name, happening.service);
        this.#resolver.upsertService(happening.service);
        break;
      case 'no service':
        this.#services.delete(happening.name);
        this.#resolver.removeService({ namespace: 'demo', name: happening.name });
        break;
      case 'restart':
        this.#restart();
    }
  }

  /** Another agent begins, which is told all that there is. */
  #restart(): void {
    this.#resolver = new Resolver(localCluster);
    for (const service of this.#services.values()) this.#resolver.upsertService(service);
    for (const policy of this.#policies.values()) this.#resolver.upsertPolicy(policy);
    for (const identity of this.#identities.values()) this.#resolver.upsertIdentity(identity);
    for (const [subject, ports] of this.#ports) this.#upsertSubject(subject, ports);
  }

  /** What all rules say, one by one. */
  evaluate({ subject, direction, remote, at }: AskedFlow): Verdict {
    const own = this.#identities.get(subject);
    if (own === undefined) throw new Error(`no identity ${subject}`);
    const flow = { subject: own, direction, remote: this.#identityOf(remote), at };
    return evaluate(
      this.#policies.values(),
      { ...flow, ownPorts: this.#ports.get(subject) ?? new Map() },
      { localCluster, services: [...this.#services.values()] },
    );
  }

  /** What the resolver says. */
  resolve({ subject, direction, remote, at }: AskedFlow): Verdict {
    return this.#resolver.explain(subject, direction, remote, at).verdict;
  }

  #identityOf(number: number): Identity | undefined {
    return this.#identities.get(number) ?? (number < firstAllocated ? this.#resolver.identity(number) : undefined);
  }

  #upsertIdentity(identity: Identity): void {
    this.#identities.set(identity.number, identity);
    this.#resolver.upsertIdentity(identity);
  }

  #upsertSubject(number: number, namedPorts: NamedPorts): void {
    this.#ports.set(number, namedPorts);
    this.#resolver.upsertSubject({ number, identity: number, namedPorts });
  }
}

/** Below are the reserved ones: everybody knows their labels. */
const firstAllocated = 256;
