import type { AccessInfo } from './access-info.ts';

/** What Cilium takes for a cluster name. */
const nameFormat = /^([a-z0-9][-a-z0-9]*)?[a-z0-9]$/;

/** Everything that forbids that `reader` reads `remote`, each in one line; nothing may have been changed before this is empty. */
export function whyNotConnect(reader: AccessInfo, remote: AccessInfo): readonly string[] {
  const problems = [...whyNotMember(reader), ...whyNotMember(remote)];
  if (reader.isOfCiliumChart) {
    problems.push(
      `${reader.context} has Cilium's chart, whose values say which clusters it reads: add ${remote.clusterName} there ` +
        `(docs/cilium.md), and let the others read it with --connection-mode unicast`,
    );
  }
  if (reader.clusterName === remote.clusterName) {
    problems.push(`${reader.context} and ${remote.context} have the same cluster name "${reader.clusterName}"`);
  }
  if (reader.clusterId === remote.clusterId) {
    problems.push(`${reader.context} and ${remote.context} have the same cluster id ${reader.clusterId}`);
  }
  if (reader.maxConnectedClusters !== remote.maxConnectedClusters) {
    problems.push(
      `max-connected-clusters differs: ${reader.context} has ${reader.maxConnectedClusters}, ` +
        `${remote.context} has ${remote.maxConnectedClusters}`,
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
