import { namespaceLabelPrefix, podNamespaceLabel, policyClusterLabel } from '@clustermesh/wire';

import type { Requirement, Selector } from '../selector.ts';

/** `pods of namespace demo with app=web, of cluster north` */
export function selectorWords(selector: Selector, localCluster: string): string {
  if (isReserved(selector)) return podsWords(selector);
  const clusters = selector.requirements.filter(({ key }) => key === policyClusterLabel);
  return `${podsWords(selector)}${clusterWords(clusters, localCluster)}`;
}

/** `pods of namespace demo with app=web`: of which clusters is not said, as of whom a policy selects. */
export function podsWords(selector: Selector): string {
  const { requirements } = selector;
  if (isReserved(selector))
    return requirements.map((each) => labelWords(each, `${each.source}:${each.key}`)).join(', ');
  const names = requirements.filter(({ key }) => key === podNamespaceLabel);
  const ofNamespaces = requirements.filter(({ key }) => key.startsWith(namespaceLabelPrefix));
  const rest = requirements.filter(
    ({ key }) => key !== podNamespaceLabel && key !== policyClusterLabel && !key.startsWith(namespaceLabelPrefix),
  );
  const labels = rest.map((each) => labelWords(each, each.key));
  const which = labels.length === 0 ? 'all pods' : 'pods';
  const withLabels = labels.length === 0 ? '' : ` with ${labels.join(' and ')}`;
  return `${which} ${namespaceWords(names, ofNamespaces)}${withLabels}`;
}

function isReserved({ requirements }: Selector): boolean {
  return requirements.some(({ source }) => source === 'reserved');
}

function namespaceWords(names: readonly Requirement[], labels: readonly Requirement[]): string {
  const named = names.filter(({ operator }) => operator !== 'Exists');
  const conditions = [
    ...named.map((each) => setWords(each)),
    ...labels.map((each) => `with ${labelWords(each, each.key.slice(namespaceLabelPrefix.length))}`),
  ];
  if (conditions.length === 0) return 'of any namespace';
  const [only] = named;
  const isOne = labels.length === 0 && named.length === 1 && only?.operator === 'In' && only.values.length === 1;
  return `of ${isOne ? 'namespace' : 'namespaces'} ${conditions.join(' and ')}`;
}

function clusterWords(clusters: readonly Requirement[], localCluster: string): string {
  const named = clusters.filter(({ operator }) => operator !== 'Exists');
  if (named.length === 0) return ', of any cluster';
  const isLocal = named.every(({ operator, values }) => operator === 'In' && values.join() === localCluster);
  return isLocal ? ', of this cluster' : `, of cluster ${named.map((each) => setWords(each)).join(' and ')}`;
}

function setWords({ operator, values }: Requirement): string {
  const list = values.join(' or ');
  switch (operator) {
    case 'In':
      return list;
    case 'NotIn':
      return `other than ${list}`;
    case 'Exists':
      return 'any';
    case 'DoesNotExist':
      return 'none';
  }
}

function labelWords({ operator, values }: Requirement, key: string): string {
  const [only = ''] = values;
  switch (operator) {
    case 'In':
      return values.length === 1 ? `${key}${only === '' ? '' : `=${only}`}` : `${key} in (${values.join(', ')})`;
    case 'NotIn':
      return `${key} not in (${values.join(', ')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `no ${key}`;
  }
}
