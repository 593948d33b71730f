/** Who may import whom (ARCHITECTURE.md). package.json and `tsc -b` say the same; this says it with a reason. */
const product = '^(packages|clustermesh-apiserver|kvstoremesh|agent|cli|scenarios)/';
const tests = '(\\.test|\\.conformance)\\.ts$|/testing/|^packages/testkit/|^bench/|^bpf/tests/';

/** @param {string} name @param {string} from @param {string} to @param {string} comment */
const forbid = (name, from, to, comment, fromNot = tests) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, pathNot: fromNot },
  to: { path: to },
});

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    forbid(
      'runtime-is-a-leaf',
      '^packages/runtime/',
      '^(?!packages/runtime/)(packages|clustermesh|kvstoremesh|agent|cli|scenarios|bpf)',
      'runtime knows no domain',
    ),
    forbid('wire-is-data', '^packages/wire/', '^packages/(?!wire/|runtime/)', 'wire imports runtime only'),
    forbid(
      'select-is-pure',
      '^packages/select/',
      '^(packages/(?!select/|runtime/|wire/)|node:(fs|net|http|child_process))',
      'select has no I/O',
    ),
    forbid(
      'policy-is-pure',
      '^packages/policy/',
      '^(packages/(?!policy/|runtime/|wire/)|node:(fs|net|http|child_process))',
      'policy has no I/O',
    ),
    forbid(
      'kvstore-is-domain-free',
      '^packages/kvstore/',
      '^packages/(?!kvstore/|runtime/|pki/)',
      'keys and bytes only; pki reads and checks the certificates of its connections',
    ),
    forbid(
      'remote-is-a-link',
      '^packages/remote/',
      '^packages/(?!remote/|runtime/|wire/|kvstore/)',
      'dials, and asks for the configuration; what is read is its user’s',
    ),
    forbid('ebpf-is-domain-free', '^packages/ebpf/', '^packages/(?!ebpf/|runtime/)', 'kernel access only'),
    forbid(
      'components-stand-alone',
      '^(clustermesh-apiserver|kvstoremesh|agent)/',
      '^(cli|scenarios|bench)/',
      'components never import tools',
    ),
    forbid('apiserver-alone', '^clustermesh-apiserver/', '^(kvstoremesh|agent)/', 'components never import each other'),
    forbid(
      'kvstoremesh-alone',
      '^kvstoremesh/',
      '^(clustermesh-apiserver|agent)/',
      'components never import each other',
    ),
    forbid('agent-alone', '^agent/', '^(clustermesh-apiserver|kvstoremesh)/', 'components never import each other'),
    forbid('kvstoremesh-never-decodes', '^kvstoremesh/', '^packages/(kube|select|ebpf|lab)/', 'bytes in, bytes out'),
    forbid('testkit-in-tests-only', product, '^packages/testkit/', 'fixtures are for tests'),
    forbid(
      'lab-only-from-tools',
      '^(packages/(?!lab/)|clustermesh-apiserver|kvstoremesh|agent)',
      '^packages/lab/',
      'the lab starts components as programs',
    ),
    forbid(
      'etcd3-fenced',
      '.*',
      'node_modules/etcd3/',
      'an independent client for floors; the product has its own (ADR 10)',
      '^bench/floors/',
    ),
    forbid('ioredis-fenced', '.*', 'node_modules/ioredis/', 'Redis is a KvStore', '^packages/kvstore/src/redis/'),
    forbid(
      'koffi-fenced',
      '.*',
      'node_modules/koffi/',
      'only ebpf calls native code; floors import nothing of ours',
      '^(packages/ebpf/src|bench/floors)/',
    ),
    forbid(
      'client-node-fenced',
      '.*',
      'node_modules/@kubernetes/client-node/',
      'only kube loads it',
      '^packages/kube/src/',
    ),
    forbid('x509-fenced', '.*', 'node_modules/@peculiar/x509/', 'only pki makes certificates', '^packages/pki/src/'),
    {
      name: 'no-deep-imports',
      comment: 'a package is its index.ts',
      severity: 'error',
      from: { path: '^((?:packages/)?[^/]+)/' },
      to: { path: '^packages/[^/]+/src/(?!index\\.ts)', pathNot: '^$1/' },
    },
    { name: 'nothing-imports-main', severity: 'error', from: {}, to: { path: '(^|/)main\\.ts$' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules|/dist/' },
    exclude: { path: '/dist/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { conditionNames: ['mesh-source', 'import', 'node'], exportsFields: ['exports'] },
    moduleSystems: ['es6'],
  },
};
