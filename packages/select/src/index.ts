export { protocols } from './backend.ts';
export type { Backend, BackendPath, BackendState, Protocol } from './backend.ts';
export type { Frontend } from './frontend.ts';
export { mergeGlobalService } from './global-service.ts';
export type { SelectedFrontend } from './global-service.ts';
export type { ClientNode, LocalEndpoint, LocalService, LocalSlice, ServicePort, TrafficRule } from './local-service.ts';
export { endpointsOfService, endpointsOfSlice, zoneLabel } from './published-endpoints.ts';
export type { PublishedEndpoint } from './published-endpoints.ts';
export type { RemoteService } from './remote-service.ts';
