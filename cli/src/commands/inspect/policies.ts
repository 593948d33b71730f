import { InspectCommand } from '../../inspect-command.ts';
import type { Inspection } from '../../inspect-command.ts';

/** Policy of status.proto. */
interface RawPolicy {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly directions: readonly string[];
  readonly rules: number;
  readonly problems: readonly string[];
}

export default class InspectPolicies extends InspectCommand<RawPolicy> {
  static override summary = 'Policies of the cluster as its agents read them, and what of them is not served.';
  static override description =
    'A rule that cannot be served allows nothing; as a deny it denies everybody. PROBLEMS says where, why, and what holds.';
  static override examples = [
    '<%= config.bin %> inspect policies --context east',
    '<%= config.bin %> inspect policies --context east --node n1 -o json',
  ];

  protected readonly inspection: Inspection<RawPolicy> = {
    method: 'ListPolicies',
    row: ({ kind, namespace, name, directions, rules, problems }: RawPolicy) => ({
      kind,
      namespace,
      name,
      directions,
      rules,
      problems,
    }),
    columns: {
      kind: ({ kind }) => kind,
      namespace: ({ namespace }) => (namespace === '' ? '-' : namespace),
      name: ({ name }) => name,
      directions: ({ directions }) => directions.join(',') || '-',
      rules: ({ rules }) => String(rules),
      problems: ({ problems }) => problems.join('; ') || '-',
    },
  };
}
