import Connect from './commands/connect.ts';
import Disconnect from './commands/disconnect.ts';
import ExplainFlow from './commands/explain/flow.ts';
import InspectBackends from './commands/inspect/backends.ts';
import InspectClusters from './commands/inspect/clusters.ts';
import InspectIdentities from './commands/inspect/identities.ts';
import InspectIpcache from './commands/inspect/ipcache.ts';
import InspectNodes from './commands/inspect/nodes.ts';
import InspectPolicies from './commands/inspect/policies.ts';
import InspectServices from './commands/inspect/services.ts';
import KvstoremeshDbgStatus from './commands/kvstoremesh-dbg/status.ts';
import KvstoremeshDbgTroubleshoot from './commands/kvstoremesh-dbg/troubleshoot.ts';
import LabCut from './commands/lab/cut.ts';
import LabDown from './commands/lab/down.ts';
import LabExec from './commands/lab/exec.ts';
import LabKill from './commands/lab/kill.ts';
import LabKubeconfig from './commands/lab/kubeconfig.ts';
import LabPrograms from './commands/lab/programs.ts';
import LabRestore from './commands/lab/restore.ts';
import LabStatus from './commands/lab/status.ts';
import LabUp from './commands/lab/up.ts';
import Observe from './commands/observe.ts';
import PolicyValidate from './commands/policy/validate.ts';
import ScenarioRun from './commands/scenario/run.ts';
import Status from './commands/status.ts';
import Troubleshoot from './commands/troubleshoot.ts';

/** Every command by its id (`lab:up` is `clustermesh lab up`). Heavy modules are loaded by the commands that use them. */
export const commands = {
  connect: Connect,
  disconnect: Disconnect,
  'explain:flow': ExplainFlow,
  'inspect:backends': InspectBackends,
  'inspect:clusters': InspectClusters,
  'inspect:identities': InspectIdentities,
  'inspect:ipcache': InspectIpcache,
  'inspect:nodes': InspectNodes,
  'inspect:policies': InspectPolicies,
  'inspect:services': InspectServices,
  'kvstoremesh-dbg:status': KvstoremeshDbgStatus,
  'kvstoremesh-dbg:troubleshoot': KvstoremeshDbgTroubleshoot,
  'lab:cut': LabCut,
  'lab:down': LabDown,
  'lab:exec': LabExec,
  'lab:kill': LabKill,
  'lab:kubeconfig': LabKubeconfig,
  'lab:programs': LabPrograms,
  'lab:restore': LabRestore,
  'lab:status': LabStatus,
  'lab:up': LabUp,
  observe: Observe,
  'policy:validate': PolicyValidate,
  'scenario:run': ScenarioRun,
  status: Status,
  troubleshoot: Troubleshoot,
};
