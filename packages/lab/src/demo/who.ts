import { z } from 'zod';

/** How a demo program knows who it is: the kubelet of the lab tells every container. */
export const whoSchema = {
  clusterName: z.string().default('').describe('cluster that this program runs in'),
  nodeName: z.string().default('').describe('node that this program runs on'),
  podName: z.string().default('').describe('pod that this program runs in'),
};

export interface Who {
  readonly clusterName: string;
  readonly nodeName: string;
  readonly podName: string;
}
