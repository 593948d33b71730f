import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { KubeObject } from '@clustermesh/kube';
import { parseAllDocuments } from 'yaml';

/** Manifests that several scenarios use. */
const sharedDirectory = fileURLToPath(new URL('../manifests', import.meta.url));

/** Kubernetes manifests by name: those of the scenario, else those in scenarios/manifests. */
export class Manifests {
  readonly #own: Readonly<Record<string, string>>;

  constructor(own: Readonly<Record<string, string>>) {
    this.#own = own;
  }

  has(name: string): boolean {
    return name in this.#own || existsSync(sharedFile(name));
  }

  /** Objects for one cluster: `${CLUSTER}` in the text is its name. */
  objects(name: string, cluster: string): readonly KubeObject[] {
    const text = this.#text(name).replaceAll('${CLUSTER}', cluster);
    return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
  }

  /** The command that a user would type to hand it to `kubectl VERB -f`. */
  command(name: string, cluster: string, verb: 'apply' | 'delete'): string {
    const file = name in this.#own ? `${name}.yaml` : `scenarios/manifests/${name}.yaml`;
    const kubectl = `kubectl --context ${cluster} ${verb} -f`;
    if (!this.#text(name).includes('${CLUSTER}')) return `${kubectl} ${file}`;
    return `CLUSTER=${cluster} envsubst <${file} | ${kubectl} -`;
  }

  #text(name: string): string {
    return this.#own[name] ?? readFileSync(sharedFile(name), 'utf8');
  }
}

function sharedFile(name: string): string {
  return join(sharedDirectory, `${name}.yaml`);
}
