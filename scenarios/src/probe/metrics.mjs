/**
 * Prints the samples of a metric of a program of this node, by the values of their labels:
 * {"ingress/forged node":20,"egress/forwarded":812}
 * usage: node metrics.mjs --port 9879 --name clustermesh_agent_datapath_decisions_total
 */
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { port: { type: 'string' }, name: { type: 'string' } } });
const response = await fetch(`http://127.0.0.1:${values.port}/metrics`);
const samples = {};
for (const line of (await response.text()).split('\n')) {
  const found = /^(?<name>\w+)\{(?<labels>.*)\} (?<value>\S+)$/.exec(line)?.groups;
  if (found?.name !== values.name) continue;
  const labels = [...found.labels.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, label]) => label);
  samples[labels.join('/')] = Number(found.value);
}
console.log(JSON.stringify(samples));
