export { InMemoryConnectionStore } from '../store/memory/in-memory-connection-store.js';
export { InMemorySessionStore, type InMemorySessionStoreOptions } from '../store/memory/in-memory-session-store.js';
export type { InMemorySessionEvent, SessionEventType } from '../store/memory/session-event.js';
export { type ConnectionStoreHarness, describeConnectionStoreContract } from './connection-store-contract.js';
export { FixedClock } from './fixed-clock.js';
export { type OverridableModuleBuilder, overrideSession, type OverridingUser } from './override-session.js';
export { type AdmissionOverrides, admissionOf, randomDigest } from './session-builder.js';
export { simulateCluster } from './simulation/simulate-cluster.js';
export { SimulatedCluster } from './simulation/simulated-cluster.js';
export type { SimulatedViolation } from './simulation/simulated-invariants.js';
export {
  type ScheduleShape,
  type SimulatedAction,
  type SimulatedSchedule,
  simulatedSchedule,
  type SimulatedStep,
  STEP_WEIGHTS,
} from './simulation/simulated-schedule.js';
export type { SimulationReport } from './simulation/simulation-report.js';
export type { SimulatedParts, SimulatedTimes, SimulationOptions } from './simulation/simulation-options.js';
export {
  describeJobStoreContract,
  describeUndoStoreContract,
  describeSessionStoreContract,
  describeSettingsStoreContract,
} from './session-store-contract.js';
export type { MakeSessionStore, SessionStoreHarness } from './store-contract/store-trial.js';
export type { Expectation, TestTools } from './test-tools.js';
