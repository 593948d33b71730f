import type { HttpKubeClient } from '@clustermesh/kube';

export interface OpenKube {
  readonly client: HttpKubeClient;
  /** The context that is in force, for messages. */
  readonly context: string;
}

/** Opens the API server of a kubeconfig context; the library behind it is slow to load and loaded here only. */
export async function openKube(kubeconfig: string | undefined, context: string | undefined): Promise<OpenKube> {
  const { HttpKubeClient: Client } = await import('@clustermesh/kube');
  const client = await Client.fromKubeconfig({
    ...(kubeconfig === undefined ? {} : { path: kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
  return { client, context: client.contextName };
}
