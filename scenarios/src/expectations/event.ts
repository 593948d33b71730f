import { events } from '@clustermesh/kube';
import { z } from 'zod';

import type { ExpectationVerb } from '../verb.ts';

const params = z.strictObject({
  of: z.string(),
  /** KIND/NAMESPACE/NAME, or KIND/NAME of what is in no namespace. */
  about: z.string().regex(/^[A-Za-z]+(\/[a-z0-9-]+){1,2}$/),
  reason: z.string(),
  words: z.string().default(''),
});

export const event: ExpectationVerb<z.output<typeof params>> = {
  name: 'event',
  summary: 'an Event about an object (KIND/NAMESPACE/NAME) has this `reason`, and these `words` in its message',
  params,
  clusters: ({ of }) => [of],
  commands: ({ of, about }) => {
    const { kind, namespace, name } = referred(about);
    return [`kubectl --context ${of} -n ${namespace} events --for ${kind.toLowerCase()}/${name}`];
  },
  check: async ({ of, about, reason, words }, { provider }) => {
    const { kind, namespace, name } = referred(about);
    const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${name}`;
    const { items } = await provider.kube(of).list(events, { namespace, fieldSelector });
    const found = items.find((item) => item.reason === reason && (item.message ?? '').includes(words));
    const others = items.map((item) => `${item.reason ?? ''}: ${item.message ?? ''}`).join(', ');
    const missing = `no ${reason} about ${about}${others === '' ? '' : `, but ${others}`}`;
    return { isMet: found !== undefined, seen: found === undefined ? missing : `${reason}: ${found.message ?? ''}` };
  },
};

/** Events about what is in no namespace are in `default`. */
function referred(about: string): { readonly kind: string; readonly namespace: string; readonly name: string } {
  const [kind = '', first = '', second] = about.split('/');
  return second === undefined ? { kind, namespace: 'default', name: first } : { kind, namespace: first, name: second };
}
