export { protocols } from './backend.ts';
export type { Backend, BackendPath, BackendState, Protocol } from './backend.ts';
export type { Frontend } from './frontend.ts';
export { mergeGlobalService } from './global-service.ts';
export type { SelectedFrontend } from './global-service.ts';
export type { LocalEndpoint, LocalService, LocalSlice, ServicePort } from './local-service.ts';
export type { RemoteService } from './remote-service.ts';
