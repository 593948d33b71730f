/**
 * Which label keys make an identity: Cilium's default filter, so that a workload has the same labels whichever CNI
 * its cluster runs. Patterns hold at the start of the key. Facts: Cilium 1.20 documentation, "Limiting
 * Identity-Relevant Labels".
 */
const included: readonly RegExp[] = [
  /^io\.kubernetes\.pod\.namespace/,
  /^io\.cilium\.k8s\.namespace\.labels/,
  /^io\.cilium\.k8s\.policy\.cluster/,
  /^app\.kubernetes\.io/,
];

const ignored: readonly RegExp[] = [
  /^io\.kubernetes/,
  /^kubernetes\.io/,
  /^.*beta\.kubernetes\.io/,
  /^k8s\.io/,
  /^statefulset\.kubernetes\.io\/pod-name/,
  /^apps\.kubernetes\.io\/pod-index/,
  /^batch\.kubernetes\.io\/job-completion-index/,
  /^batch\.kubernetes\.io\/controller-uid/,
  /^controller-uid/,
  /^pod-template-generation/,
  /^pod-template-hash/,
  /^controller-revision-hash/,
  /^annotation.*/,
  /^etcd_node/,
];

/** A cluster has few keys and many pods. */
const relevanceByKey = new Map<string, boolean>();
const mostKeys = 4_096;

export function isIdentityRelevant(key: string): boolean {
  const known = relevanceByKey.get(key);
  if (known !== undefined) return known;
  // Whoever writes labels must not be able to fill our memory.
  if (relevanceByKey.size === mostKeys) relevanceByKey.clear();
  const isRelevant = matchPatterns(key);
  relevanceByKey.set(key, isRelevant);
  return isRelevant;
}

/** Ignored unless an included pattern matches more of the key than the shortest ignored one. */
function matchPatterns(key: string): boolean {
  const shortestIgnored = Math.min(...matchedLengths(ignored, key));
  const longestIncluded = Math.max(...matchedLengths(included, key));
  return shortestIgnored === Infinity || longestIncluded > shortestIgnored;
}

function matchedLengths(patterns: readonly RegExp[], key: string): number[] {
  return patterns.flatMap((pattern) => pattern.exec(key)?.[0].length ?? []);
}
