import { Flags } from '@oclif/core';

import { BaseCommand } from '../../base-command.ts';
import { askKvstoremesh } from '../../kvstoremesh-dbg/ask-kvstoremesh.ts';
import { renderRemoteClusters } from '../../kvstoremesh-dbg/remote-cluster-text.ts';
import type { RemoteClusterModel } from '../../kvstoremesh-dbg/remote-cluster-text.ts';
import { plainText } from '../../render/plain-text.ts';

export default class KvstoremeshDbgStatus extends BaseCommand {
  static override summary = 'Say what the kvstoremesh beside this says of its remote clusters.';
  static override description =
    'As Cilium’s command of the same name, whose answer `cilium clustermesh status` reads. `clustermesh status` says more, ' +
    'from anywhere.';
  static override examples = [
    'kubectl -n kube-system exec deploy/clustermesh-apiserver -c kvstoremesh -- <%= config.bin %> kvstoremesh-dbg status --verbose',
  ];
  static override flags = {
    host: Flags.string({ char: 'H', description: 'where kvstoremesh answers', default: 'localhost:9889' }),
    verbose: Flags.boolean({ description: 'show clusters that are ready, too' }),
  };

  async run(): Promise<readonly RemoteClusterModel[]> {
    const { flags } = await this.parse(KvstoremeshDbgStatus);
    const clusters = await askKvstoremesh(flags.host);
    if (!this.jsonEnabled()) {
      const text = renderRemoteClusters(clusters, { isVerbose: flags.verbose, nowMs: Date.now() });
      this.log(text.split('\n').map(plainText).join('\n'));
    }
    return clusters;
  }
}
