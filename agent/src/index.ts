export { createAgent } from './agent.ts';
export type { Agent, AgentDeps } from './agent.ts';
export { noDevices } from './datapath/devices.ts';
export type { Devices, PodInterface } from './datapath/devices.ts';
export { loadObjects, mapsOf } from './datapath/kernel/objects.ts';
export { defaultMapSizes, memoryDatapathMaps } from './maps/datapath-maps.ts';
export type { DatapathMaps, MapSizes } from './maps/datapath-maps.ts';
export type { AgentSettings } from './settings.ts';
export type { AgentStatus, DatapathMode } from './status/agent-status.ts';
