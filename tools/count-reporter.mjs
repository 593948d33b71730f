import { appendFileSync } from 'node:fs';

/** Ends a jest run with one line of counts; MESH_COUNTS names a file where several runs are summed. */
export default class CountReporter {
  onRunComplete(_contexts, results) {
    const { numPassedTests: passed, numPendingTests: skipped } = results;
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const file = process.env.MESH_COUNTS;
    if (file !== undefined) appendFileSync(file, `${JSON.stringify({ passed, failed, skipped })}\n`);
    else process.on('exit', () => process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`));
  }
}
