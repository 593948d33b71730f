/** So many nodes of a cluster say the same thing; their Events are one, and one of them may be down. */
const tellersOfOne = 2;

/**
 * Of which things that all agents see this one is to tell: thousands of nodes would else write the same Event.
 * @param nodes names of the cluster's nodes, sorted
 */
export function tellerOf(self: string, nodes: readonly string[]): (subject: string) => boolean {
  const at = nodes.indexOf(self);
  if (at < 0 || nodes.length <= tellersOfOne) return () => true;
  return (subject) => {
    const first = fnv1a(subject) % nodes.length;
    return (at - first + nodes.length) % nodes.length < tellersOfOne;
  };
}

/** FNV-1a, 32 bits: spreads names evenly, and is the same on all nodes. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
