import { readFileSync } from 'node:fs';

import { Args, Flags } from '@oclif/core';
import { MeshError } from '@clustermesh/runtime';

import { BaseCommand } from '../../base-command.ts';
import { renderPolicies } from '../../policy/render-policies.ts';
import { hasRefusals, validatePolicies } from '../../policy/validate-policies.ts';
import type { ValidatedObject } from '../../policy/validate-policies.ts';

const standardInput = 0;

export default class PolicyValidate extends BaseCommand {
  static override summary = 'Say what policies of a file mean, and what of them would not be enforced.';
  static override description =
    'Reads NetworkPolicy, CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy objects and asks no cluster. For each: ' +
    'whom it selects, what is denied unless allowed, who may do what, and problems with their place and what to do about ' +
    'them. Exit code 1 when a rule would be refused. What is served is in docs/policy.md.';
  static override examples = [
    '<%= config.bin %> policy validate policies.yaml',
    'kubectl get networkpolicies,ciliumnetworkpolicies -A -o yaml | <%= config.bin %> policy validate -',
    '<%= config.bin %> policy validate policies.yaml --cluster east -o json',
  ];
  static override args = {
    file: Args.string({ description: 'YAML or JSON file; - reads from stdin', required: true }),
  };
  static override flags = {
    cluster: Flags.string({ description: 'name of the cluster that the policies are for', default: 'default' }),
    'policy-default-local-cluster': Flags.boolean({
      description: 'selectors that name no cluster select in the own one alone, as the agents are set',
      default: true,
      allowNo: true,
    }),
  };

  async run(): Promise<readonly ValidatedObject[]> {
    const { args, flags } = await this.parse(PolicyValidate);
    const scope = { localCluster: flags.cluster, defaultLocalCluster: flags['policy-default-local-cluster'] };
    const objects = validatePolicies(readText(args.file), args.file === '-' ? 'stdin' : args.file, scope);
    if (!this.jsonEnabled()) this.log(renderPolicies(objects));
    if (hasRefusals(objects)) process.exitCode = 1;
    return objects;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? standardInput : file, 'utf8');
  } catch (cause) {
    throw new MeshError('FILE_UNREADABLE', `read policies from ${file}`, { cause });
  }
}
