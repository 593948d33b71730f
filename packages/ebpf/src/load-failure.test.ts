import { expect, it } from '@jest/globals';

import { E2BIG, EACCES, EINVAL, ENOMEM, EPERM } from './bpf-call.ts';
import { adviceFor } from './load-failure.ts';

it.each([
  { errno: EPERM, isVerified: false, want: /CAP_BPF and CAP_NET_ADMIN/ },
  { errno: ENOMEM, isVerified: false, want: /make them smaller/ },
  { errno: E2BIG, isVerified: false, want: /make them smaller/ },
  { errno: E2BIG, isVerified: true, want: /does not take this program/ },
  { errno: EACCES, isVerified: true, want: /please report it/ },
  { errno: EINVAL, isVerified: false, want: /6\.6 or later/ },
])('errno $errno, judged by the verifier: $isVerified', ({ errno, isVerified, want }) => {
  expect(adviceFor(-errno, isVerified)).toMatch(want);
});
