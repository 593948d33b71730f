import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { KubeObject } from '@clustermesh/kube';
import { parseAllDocuments } from 'yaml';

/** Manifests that several scenarios use, and those that users have to apply themselves. */
const sharedDirectories = ['scenarios/manifests', 'deploy/crds'];
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Kubernetes manifests by name: those of the scenario, else those in scenarios/manifests and deploy/crds. */
export class Manifests {
  readonly #own: Readonly<Record<string, string>>;

  constructor(own: Readonly<Record<string, string>>) {
    this.#own = own;
  }

  has(name: string): boolean {
    return name in this.#own || sharedFile(name) !== undefined;
  }

  /** Objects for one cluster: `${CLUSTER}` in the text is its name. */
  objects(name: string, cluster: string): readonly KubeObject[] {
    return parseManifest(this.#text(name), cluster);
  }

  /** The command that a user would type to hand it to `kubectl VERB -f`. */
  command(name: string, cluster: string, verb: 'apply' | 'delete'): string {
    const file = name in this.#own ? `${name}.yaml` : sharedFile(name);
    const kubectl = `kubectl --context ${cluster} ${verb} -f`;
    if (!this.#text(name).includes('${CLUSTER}')) return `${kubectl} ${file}`;
    return `CLUSTER=${cluster} envsubst <${file} | ${kubectl} -`;
  }

  #text(name: string): string {
    return this.#own[name] ?? readFileSync(join(root, sharedFile(name) ?? ''), 'utf8');
  }
}

/** Objects of a text for one cluster: `${CLUSTER}` is its name. */
export function parseManifest(text: string, cluster: string): readonly KubeObject[] {
  return parseAllDocuments(text.replaceAll('${CLUSTER}', cluster)).map((document) => document.toJS() as KubeObject);
}

/** From the root of the repository. */
function sharedFile(name: string): string | undefined {
  return sharedDirectories.map((directory) => `${directory}/${name}.yaml`).find((file) => existsSync(join(root, file)));
}
