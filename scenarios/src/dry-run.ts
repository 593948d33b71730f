import type { Provider } from './provider.ts';
import type { Scenario } from './scenario.ts';
import { whyNotShown } from './verb.ts';

/** Every command of a scenario in order, as a script to read: nothing is run for it. */
export function renderDryRun({ name, topology, manifests, steps }: Scenario, provider: Provider): string {
  const telling = { topology, provider, manifests };
  const lines = steps.flatMap((step) => {
    const items = [...step.do, ...step.expect];
    const reason = whyNotShown(items, provider);
    const undo = step.do.toReversed().flatMap((action) => action.undoCommands(telling));
    const commands = [...items.flatMap((item) => item.commands(telling)), ...undo];
    return ['', `# ${step.name}`, ...(reason === undefined ? commands : [`# not shown: ${reason}`])];
  });
  return [
    `# ${name}: clusters`,
    ...provider.commands.up(topology),
    ...lines,
    '',
    '# logs, if it fails; and the end',
    ...provider.commands.collectLogs(topology, `collected/${name}`),
    ...provider.commands.down(topology),
  ].join('\n');
}
