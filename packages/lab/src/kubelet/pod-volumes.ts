import type { Container, Pod, Volume } from '@clustermesh/kube';
import { MeshError, ok } from '@clustermesh/runtime';
import type { Result } from '@clustermesh/runtime';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { NodePlan } from '../mesh-plan.ts';
import { LocalNames, mountedDirectory } from './local-names.ts';
import { isFromObjects, volumeFiles } from './object-files.ts';
import type { Files, ObjectFiles } from './object-files.ts';
import { ObjectVolume } from './object-volume.ts';

/** The volumes of one pod, as directories of this machine. */
export class PodVolumes {
  readonly #pod: Pod;
  readonly #node: NodePlan;
  readonly #objects: ObjectFiles;
  readonly #directory: string;
  readonly #written = new Map<string, ObjectVolume>();
  /** Of all containers: mounted files are written once, for all of them. */
  readonly #allNames: LocalNames;

  constructor(pod: Pod, node: NodePlan, podDirectory: string, objects: ObjectFiles) {
    this.#pod = pod;
    this.#node = node;
    this.#objects = objects;
    this.#directory = join(podDirectory, 'volumes');
    const { initContainers = [], containers } = pod.spec;
    this.#allNames = this.#localNames([...containers, ...initContainers]);
  }

  /** Makes the directories and brings object volumes up to date; refused while a needed object is missing. */
  async sync(): Promise<Result<undefined>> {
    for (const volume of this.#pod.spec.volumes ?? []) {
      if (!isFromObjects(volume)) {
        await mkdir(this.#directoryOf(volume), { recursive: true });
        continue;
      }
      const files = volumeFiles(volume, this.#pod.metadata.namespace ?? '', this.#objects);
      if (!files.ok) return files;
      await this.#objectVolume(volume).write(this.#translated(files.value));
    }
    return ok(undefined);
  }

  namesOf(container: Container): LocalNames {
    return this.#localNames([container]);
  }

  #objectVolume(volume: Volume): ObjectVolume {
    const existing = this.#written.get(volume.name);
    if (existing !== undefined) return existing;
    const made = new ObjectVolume(this.#directoryOf(volume));
    this.#written.set(volume.name, made);
    return made;
  }

  #translated(files: Files): Files {
    return new Map(
      [...files].map(([path, bytes]) => [
        path,
        Buffer.from(this.#allNames.translate(bytes.toString('latin1')), 'latin1'),
      ]),
    );
  }

  #localNames(containers: readonly Container[]): LocalNames {
    const volumes = new Map((this.#pod.spec.volumes ?? []).map((volume) => [volume.name, volume]));
    const names = new Map<string, string>(addressNames(this.#node));
    for (const { name, mountPath, subPath } of containers.flatMap(({ volumeMounts = [] }) => volumeMounts)) {
      const volume = volumes.get(name);
      if (volume !== undefined && !names.has(mountPath)) {
        names.set(mountPath, mountedDirectory(this.#directoryOf(volume), subPath));
      }
    }
    return new LocalNames(names);
  }

  #directoryOf({ name, hostPath }: Volume): string {
    return hostPath === undefined ? join(this.#directory, name) : hostDirectory(this.#node, hostPath.path);
  }
}

/** What a container's mount paths are on this machine: for who runs a program as if in it. */
export function mountedNames(pod: Pod, node: NodePlan, podDirectory: string, containerName: string): LocalNames {
  const volumes = new PodVolumes(pod, node, podDirectory, { data: () => undefined });
  const container = pod.spec.containers.find(({ name }) => name === containerName);
  if (container !== undefined) return volumes.namesOf(container);
  const names = pod.spec.containers.map(({ name }) => name).join(', ');
  throw new MeshError(
    'LAB_INVALID_STATE',
    `no container "${containerName}" in pod ${pod.metadata.name} (it has ${names})`,
  );
}

/** Without network namespaces, a node's own address is all that its pods have of a loopback to themselves. */
function addressNames({ netns, address }: NodePlan): readonly (readonly [string, string])[] {
  return netns === undefined ? ['127.0.0.1', '0.0.0.0'].map((name) => [name, address] as const) : [];
}

/** Nodes share one kernel but not one file system: each has its own bpffs directory and cgroup, and a root below its state. */
export function hostDirectory(node: NodePlan, path: string): string {
  const own = [
    { root: '/sys/fs/bpf', directory: node.bpfDir },
    { root: '/sys/fs/cgroup', directory: node.cgroup },
  ].find(({ root }) => path === root || path.startsWith(`${root}/`));
  if (own?.directory !== undefined) return join(own.directory, path.slice(own.root.length));
  return join(node.dir, 'root', path);
}
