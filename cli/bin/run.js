#!/usr/bin/env node
// Plain JavaScript of old: a Node that is too old must still be able to say so.
var major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    'clustermesh needs Node 24 or newer, this is ' + process.version + ' (in the repository: npm run clustermesh)',
  );
  process.exit(1);
}
import('./start.js').then(function (start) {
  return start.start();
});
