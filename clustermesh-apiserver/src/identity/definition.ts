import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

import { customResourceDefinitions } from '@clustermesh/kube';
import type { CustomResourceDefinition, KubeClient } from '@clustermesh/kube';
import { describeError, hasCode } from '@clustermesh/runtime';
import type { Logger } from '@clustermesh/runtime';

/** Beside both src/ and dist/. */
const manifest = new URL('../../crds/meshidentities.yaml', import.meta.url);

/**
 * Installs the definition of MeshIdentity where it is absent. Whoever may not do that must have installed it: then
 * this is no failure, and what is missing shows in the health of the watch.
 */
export async function installDefinition(
  kube: Pick<KubeClient, 'create'>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
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
