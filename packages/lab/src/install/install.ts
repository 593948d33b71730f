import { secrets } from '@clustermesh/kube';
import type { ConfigMap, KubeClient, KubeObject, Secret } from '@clustermesh/kube';
import { hasCode } from '@clustermesh/runtime';
import { readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { workspaceDir } from '../workspace.ts';
import { inInstallOrder, parseManifests, renderTemplate, resourceOf } from './manifests.ts';
import type { ManifestVariables } from './manifests.ts';
import { caSecretName, createMeshSecrets, remoteClustersSecretName } from './mesh-secrets.ts';
import type { MeshSecretsRequest } from './mesh-secrets.ts';

const manifestDirs = ['clustermesh-apiserver/crds', 'deploy/manifests'].map((path) => resolve(workspaceDir, path));

const settingsName = 'clustermesh-config';
/** Who comes under a name of its own; `connect` edits it (docs/access.md). */
const remoteUsersName = 'clustermesh-remote-users';

export interface Installation {
  readonly secrets: MeshSecretsRequest;
  /** Further Secrets that the manifests mount. */
  readonly moreSecrets?: readonly Secret[];
  /** Further keys of the ConfigMap `clustermesh-config`: durations, sizes. */
  readonly settings: Readonly<Record<string, string>>;
  readonly variables: ManifestVariables;
}

/** Installs the mesh into a cluster; what is there is brought up to date, certificates that are there are kept. */
export async function installMesh(client: KubeClient, installation: Installation, signal: AbortSignal): Promise<void> {
  const { namespace } = installation.secrets;
  await createIfAbsent(client, { kind: 'Namespace', metadata: { name: namespace } }, signal);
  await installSecrets(client, installation.secrets, signal);
  for (const secret of installation.moreSecrets ?? []) await applyObject(client, secret, signal);
  for (const list of userLists(installation.secrets)) await createIfAbsent(client, list, signal);
  for (const object of inInstallOrder(await loadManifests(installation.variables))) {
    await applyObject(client, withSettings(object, installation.settings), signal);
  }
}

/** The same as objects in the order in which they must be there, with new certificates: for who applies them otherwise. */
export async function installationObjects({
  secrets: request,
  moreSecrets = [],
  settings,
  variables,
}: Installation): Promise<readonly KubeObject[]> {
  const { authority, certificates } = await createMeshSecrets(request);
  const metadata = { name: remoteClustersSecretName, namespace: request.namespace };
  const links: KubeObject = { apiVersion: 'v1', kind: 'Secret', metadata };
  const objects = (await loadManifests(variables)).map((object) => withSettings(object, settings));
  return inInstallOrder([...objects, links, ...userLists(request), ...moreSecrets, ...certificates, authority]);
}

/** In auth mode `cluster`: nobody, until clusters are connected. */
function userLists({ namespace, authMode }: MeshSecretsRequest): readonly KubeObject[] {
  if (authMode !== 'cluster') return [];
  const list: ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: remoteUsersName, namespace },
    data: { 'users.yaml': 'users: []\n' },
  };
  return [list];
}

export function withSettings(object: KubeObject, settings: Readonly<Record<string, string>>): KubeObject {
  if (object.kind !== 'ConfigMap' || object.metadata.name !== settingsName) return object;
  const settled: ConfigMap = { ...object, data: { ...(object as ConfigMap).data, ...settings } };
  return settled;
}

export async function loadManifests(variables: ManifestVariables): Promise<readonly KubeObject[]> {
  const files = await Promise.all(manifestDirs.map(yamlFiles));
  const texts = await Promise.all(files.flat().map((file) => readFile(file, 'utf8')));
  return texts.flatMap((text) => parseManifests(renderTemplate(text, variables)));
}

async function yamlFiles(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory);
  return names.filter((name) => name.endsWith('.yaml')).map((name) => join(directory, name));
}

/** The authority is written last: while it is missing, whatever certificates are there are replaced. */
async function installSecrets(client: KubeClient, request: MeshSecretsRequest, signal: AbortSignal): Promise<void> {
  const existing = await client.list(secrets, { namespace: request.namespace }, signal);
  if (existing.items.some(({ metadata }) => metadata.name === caSecretName)) return;
  const { authority, certificates } = await createMeshSecrets(request);
  const { namespace } = request;
  await createIfAbsent(client, { kind: 'Secret', metadata: { name: remoteClustersSecretName, namespace } }, signal);
  await Promise.all(certificates.map((secret) => applyObject(client, secret, signal)));
  await applyObject(client, authority, signal);
}

async function createIfAbsent(client: KubeClient, object: KubeObject, signal: AbortSignal): Promise<void> {
  try {
    await client.create(resourceOf(object), object, signal);
  } catch (error) {
    if (!hasCode(error, 'KUBE_ALREADY_EXISTS')) throw error;
  }
}

export async function applyObject(client: KubeClient, object: KubeObject, signal: AbortSignal): Promise<void> {
  await client.patch(
    resourceOf(object),
    object.metadata,
    object,
    { kind: 'apply', fieldManager: 'clustermesh-lab' },
    signal,
  );
}

/** Namespaces that every cluster has. */
export async function ensureNamespaces(client: KubeClient, signal: AbortSignal): Promise<void> {
  for (const name of ['default', 'kube-system']) {
    await createIfAbsent(client, { kind: 'Namespace', metadata: { name } }, signal);
  }
}
