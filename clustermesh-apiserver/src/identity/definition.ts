import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

import { customResourceDefinitions } from '@clustermesh/kube';
import type { CustomResourceDefinition, KubeClient } from '@clustermesh/kube';
import { describeError, hasCode } from '@clustermesh/runtime';
import type { Logger } from '@clustermesh/runtime';

import { meshIdentities } from './mesh-identity.ts';

/** Beside both src/ and dist/. */
const manifest = new URL('../../crds/meshidentities.yaml', import.meta.url);

/**
 * Installs the definition of MeshIdentity where it is absent. Whoever may not do that must have installed it: then
 * this is no failure, and what is missing shows in the health of the watch.
 */
export async function installDefinition(
  kube: Pick<KubeClient, 'create' | 'list'>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  if (await isServed(kube, signal)) return;
  const definition = parse(readFileSync(manifest, 'utf8')) as CustomResourceDefinition;
  const { name } = definition.metadata;
  try {
    await kube.create(customResourceDefinitions, definition, signal);
    log.info({ definition: name }, 'custom resource definition installed');
  } catch (error) {
    if (hasCode(error, 'KUBE_ALREADY_EXISTS')) return;
    if (!hasCode(error, 'KUBE_FORBIDDEN')) throw error;
    log.debug({ definition: name, reason: describeError(error) }, 'custom resource definition left to others');
  }
}

/** Asked first: the right to install definitions is not ours in most clusters. */
async function isServed(kube: Pick<KubeClient, 'list'>, signal: AbortSignal): Promise<boolean> {
  try {
    await kube.list(meshIdentities, { limit: 1 }, signal);
    return true;
  } catch (error) {
    if (hasCode(error, 'KUBE_NOT_FOUND')) return false;
    throw error;
  }
}
