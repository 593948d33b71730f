/** What `GET /v1/status` of an agent says of policies, the part that is shown. */
export interface PolicyView {
  /** none, mesh, all */
  readonly scope?: string;
  /** Objects of the cluster. */
  readonly policies?: number;
  readonly refusedRules?: number;
  readonly refused?: readonly {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly at: string;
    readonly message: string;
  }[];
}

export interface PolicyUse {
  readonly policies: number;
  /** Of all agents: more than one while the setting is rolled out. */
  readonly scopes: readonly string[];
}

const shownRules = 10;

/** Undefined where no agent tells: none answers, or they are older than policies. */
export function policyUse(views: readonly PolicyView[]): PolicyUse | undefined {
  const scopes = [...new Set(views.flatMap(({ scope }) => scope ?? []))].sort();
  if (scopes.length === 0) return undefined;
  return { policies: Math.max(0, ...views.map(({ policies }) => policies ?? 0)), scopes };
}

/** All agents read the same policies. */
export function policyNotices(views: readonly PolicyView[]): readonly string[] {
  return [...unenforced(views), ...refusedRules(views)];
}

/** Who wrote a policy takes it to be enforced. */
function unenforced(views: readonly PolicyView[]): readonly string[] {
  const { policies = 0, scopes = [] } = policyUse(views) ?? {};
  if (policies === 0 || !scopes.includes('none')) return [];
  const where = scopes.length === 1 ? '' : ' by some of the nodes';
  return [`policies are not enforced${where}: --policy-scope=none`];
}

function refusedRules(views: readonly PolicyView[]): readonly string[] {
  const texts = new Set(
    views.flatMap(({ refused = [] }) =>
      refused.map(({ kind, namespace, name, at, message }) => {
        const object = namespace === '' ? name : `${namespace}/${name}`;
        return `policy ${kind} ${object}: ${at}: ${message}`;
      }),
    ),
  );
  const told = [...texts].slice(0, shownRules);
  const most = Math.max(0, ...views.map((view) => view.refusedRules ?? 0));
  return most <= told.length ? told : [...told, `… and ${most - told.length} more: clustermesh inspect policies`];
}
