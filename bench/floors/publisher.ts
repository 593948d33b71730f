/** Floor of an apiserver at work: watches pods and puts what became of each at once, and nothing else. */
import { connect } from './etcd.ts';
import type { Endpoint } from './etcd.ts';
import { connectKube, watchLines } from './kube.ts';
import type { KubePlace } from './kube.ts';
import { serve } from './serve.ts';

export interface PublishOrder {
  readonly kube: KubePlace;
  readonly etcd: Endpoint;
  readonly path: string;
  readonly prefix: string;
}

interface Event {
  readonly type: string;
  readonly object: {
    readonly metadata: { readonly namespace: string; readonly name: string };
    readonly spec: { readonly serviceAccountName: string };
    readonly status?: { readonly podIP?: string; readonly hostIP?: string };
  };
}

const answers = {
  open: async ({ kube, etcd, path, prefix }: PublishOrder): Promise<void> => {
    const { kv } = connect(etcd);
    await watchLines(connectKube(kube), path, (line) => {
      const { type, object } = JSON.parse(line.toString()) as Event;
      const { podIP = '', hostIP = '' } = object.status ?? {};
      if (podIP === '') return;
      const key = Buffer.from(prefix + podIP);
      // A failure is nobody's to handle, and so ends the process.
      if (type === 'DELETED') void kv.deleteRange({ key });
      else void kv.put({ key, value: valueOf(object, podIP, hostIP) });
    });
  },
};

export type Publisher = typeof answers;

/** As long as the real one. */
function valueOf({ metadata, spec }: Event['object'], podIP: string, hostIP: string): Buffer {
  const { namespace, name } = metadata;
  const value = {
    ...{ IP: podIP, Mask: null, HostIP: hostIP, ID: 65_536, Key: 0, Metadata: '', K8sNamespace: namespace },
    ...{ K8sPodName: name, K8sServiceAccount: spec.serviceAccountName },
  };
  return Buffer.from(JSON.stringify(value));
}

serve(answers);
