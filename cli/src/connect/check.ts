import type { AccessInfo } from './access-info.ts';

/** What Cilium takes for a cluster name. */
const nameFormat = /^([a-z0-9][-a-z0-9]*)?[a-z0-9]$/;

/** Everything that forbids two clusters to join, each in one line; nothing may have been changed before this is empty. */
export function whyNotConnect(source: AccessInfo, destination: AccessInfo): readonly string[] {
  const problems = [...whyNotMember(source), ...whyNotMember(destination)];
  if (source.clusterName === destination.clusterName) {
    problems.push(`${source.context} and ${destination.context} have the same cluster name "${source.clusterName}"`);
  }
  if (source.clusterId === destination.clusterId) {
    problems.push(`${source.context} and ${destination.context} have the same cluster id ${source.clusterId}`);
  }
  if (source.maxConnectedClusters !== destination.maxConnectedClusters) {
    problems.push(
      `max-connected-clusters differs: ${source.context} has ${source.maxConnectedClusters}, ` +
        `${destination.context} has ${destination.maxConnectedClusters}`,
    );
  }
  return problems;
}

function whyNotMember({ context, clusterName, clusterId, maxConnectedClusters }: AccessInfo): string[] {
  const problems: string[] = [];
  if (clusterName === 'default' || clusterName.length > 32 || !nameFormat.test(clusterName)) {
    problems.push(
      `${context} has the cluster name "${clusterName}": it needs one of its own, at most 32 of a-z, 0-9, -`,
    );
  }
  if (!Number.isInteger(clusterId) || clusterId < 1 || clusterId > maxConnectedClusters) {
    problems.push(`${context} has the cluster id ${clusterId}: it must be 1 to ${maxConnectedClusters}`);
  }
  return problems;
}
