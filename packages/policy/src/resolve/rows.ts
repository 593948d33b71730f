import { contains, regionKey } from './region.ts';
import type { Region } from './region.ts';

export type Verdict = 'allow' | 'deny';

/** A rule's word on a region; `rule` tells which one it was. */
export interface Claim {
  readonly region: Region;
  readonly verdict: Verdict;
  readonly rule: number;
}

/** A row of the kernel's trie. */
export type Row = Claim;

/**
 * The rows of one subject, direction and remote identity, by region.
 *
 * A packet is judged by two look-ups, that of its identity and that of the wildcard: the longer region counts, and
 * between equal ones the identity's. That gives "deny beats allow" only if rows say what all rules together say: each
 * has the denies of every region around it in it, and a deny of the identity is repeated in every wildcard region
 * inside it that would else allow. Rows that change nothing are left out.
 *
 * @param claims of rules that name the identity
 * @param wildcard rows that `closeRows(claims of rules for anybody, [])` gave
 */
export function closeRows(claims: readonly Claim[], wildcard: readonly Row[]): readonly Row[] {
  const denies = [...claims, ...wildcard].filter(({ verdict }) => verdict === 'deny');
  const rows = new Map<number, Row>();
  for (const claim of claims) {
    const key = regionKey(claim.region);
    const deny = denies.find(({ region }) => contains(region, claim.region));
    if (deny !== undefined) rows.set(key, { ...claim, verdict: 'deny', rule: deny.rule });
    else if (!rows.has(key)) rows.set(key, claim);
  }
  for (const { region, verdict } of wildcard) {
    const deny = verdict === 'allow' ? claimsAround(claims, region) : undefined;
    if (deny !== undefined) rows.set(regionKey(region), { region, verdict: 'deny', rule: deny.rule });
  }
  return withoutRedundant([...rows.values()], wildcard);
}

function claimsAround(claims: readonly Claim[], inner: Region): Claim | undefined {
  return claims.find(({ verdict, region }) => verdict === 'deny' && contains(region, inner));
}

/** A row goes when what would be found without it says the same. */
function withoutRedundant(rows: readonly Row[], wildcard: readonly Row[]): readonly Row[] {
  const longestFirst = rows.toSorted((left, right) => right.region.length - left.region.length);
  const kept = new Set(longestFirst);
  for (const row of longestFirst) {
    kept.delete(row);
    if (lookUp(row.region, [...kept], wildcard)?.verdict !== row.verdict) kept.add(row);
  }
  return [...kept];
}

/** What the kernel does: the longest row around the region; between equal ones the identity's. */
export function lookUp(at: Region, rows: readonly Row[], wildcard: readonly Row[]): Row | undefined {
  const own = longest(at, rows);
  const any = longest(at, wildcard);
  if (own === undefined || any === undefined) return own ?? any;
  return own.region.length >= any.region.length ? own : any;
}

function longest(at: Region, rows: readonly Row[]): Row | undefined {
  let best: Row | undefined;
  for (const row of rows) {
    if (contains(row.region, at) && (best === undefined || row.region.length > best.region.length)) best = row;
  }
  return best;
}
