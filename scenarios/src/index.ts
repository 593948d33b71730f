export { LabProvider } from './lab-provider.ts';
export type { LabProviderOptions } from './lab-provider.ts';
export type { CommandResult, Provider } from './provider.ts';
export { hasPassed, renderEvent, renderResults, renderVerdict } from './report.ts';
export { runScenario } from './runner.ts';
export type { RunDeps, RunEvent, StepResult } from './runner.ts';
export { loadScenario } from './scenario.ts';
export type { Scenario } from './scenario.ts';
