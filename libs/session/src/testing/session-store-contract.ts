import { addressesContract } from './store-contract/addresses.contract.js';
import { admissionContract } from './store-contract/admission.contract.js';
import { changingContract } from './store-contract/changing.contract.js';
import { cleanupContract } from './store-contract/cleanup.contract.js';
import { cutOffsContract } from './store-contract/cut-offs.contract.js';
import { dataContract } from './store-contract/data.contract.js';
import { driftContract } from './store-contract/drift.contract.js';
import { endingContract } from './store-contract/ending.contract.js';
import { findingContract } from './store-contract/finding.contract.js';
import { historyContract } from './store-contract/history.contract.js';
import { idempotencyContract } from './store-contract/idempotency.contract.js';
import { jobsContract } from './store-contract/jobs.contract.js';
import { limitsContract } from './store-contract/limits.contract.js';
import { listingContract } from './store-contract/listing.contract.js';
import { locksContract } from './store-contract/locks.contract.js';
import { pendingContract } from './store-contract/pending.contract.js';
import { protectedContract } from './store-contract/protected.contract.js';
import { questionsContract } from './store-contract/questions.contract.js';
import { replacementContract } from './store-contract/replacement.contract.js';
import { searchingContract } from './store-contract/searching.contract.js';
import { rotationContract } from './store-contract/rotation.contract.js';
import { scopesContract } from './store-contract/scopes.contract.js';
import { settingsContract } from './store-contract/settings.contract.js';
import { statisticsContract } from './store-contract/statistics.contract.js';
import { type ContractPart, type MakeSessionStore, StoreTrial } from './store-contract/store-trial.js';
import { touchingContract } from './store-contract/touching.contract.js';
import { undoContract } from './store-contract/undo.contract.js';
import { userHistoryContract } from './store-contract/user-history.contract.js';
import type { TestTools } from './test-tools.js';

const PARTS: readonly ContractPart[] = [
  admissionContract,
  limitsContract,
  questionsContract,
  replacementContract,
  scopesContract,
  endingContract,
  changingContract,
  dataContract,
  rotationContract,
  pendingContract,
  protectedContract,
  touchingContract,
  addressesContract,
  driftContract,
  locksContract,
  findingContract,
  listingContract,
  searchingContract,
  historyContract,
  idempotencyContract,
  userHistoryContract,
  cutOffsContract,
  cleanupContract,
  statisticsContract,
];

/**
 * Registers the tests that every session store passes. `makeStore` is called before each test and the store closed
 * after it; several may share one database, because every test keeps to users and tenants of its own.
 *
 * @param tools `describe`, `it`, `beforeEach`, `afterEach` and `expect` of the test runner
 */
export function describeSessionStoreContract(name: string, makeStore: MakeSessionStore, tools: TestTools): void {
  describeParts(`${name} keeps the contract of a session store`, PARTS, makeStore, tools);
}

/** As `describeSessionStoreContract`, for what a store promises beside that which keeps settings at run time. */
export function describeSettingsStoreContract(name: string, makeStore: MakeSessionStore, tools: TestTools): void {
  describeParts(`${name} keeps the contract of a store of settings`, [settingsContract], makeStore, tools);
}

/** The same for what a store promises that keeps jobs. */
export function describeJobStoreContract(name: string, makeStore: MakeSessionStore, tools: TestTools): void {
  describeParts(`${name} keeps the contract of a store of jobs`, [jobsContract], makeStore, tools);
}

/** The same for what a store promises that lets revocations be undone. */
export function describeUndoStoreContract(name: string, makeStore: MakeSessionStore, tools: TestTools): void {
  describeParts(`${name} keeps the contract of a store that undoes`, [undoContract], makeStore, tools);
}

function describeParts(
  title: string,
  parts: readonly ContractPart[],
  makeStore: MakeSessionStore,
  tools: TestTools,
): void {
  tools.describe(title, () => {
    const trial = new StoreTrial(makeStore);
    tools.beforeEach(() => trial.open());
    tools.afterEach(() => trial.close());
    for (const part of parts) part(trial, tools);
  });
}
