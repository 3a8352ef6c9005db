import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { describeConnectionStoreContract } from '../../testing/connection-store-contract.js';
import { FixedClock } from '../../testing/fixed-clock.js';
import { InMemoryConnectionStore } from './in-memory-connection-store.js';

describeConnectionStoreContract(
  'InMemoryConnectionStore',
  () => {
    const clock = new FixedClock();
    return Promise.resolve({
      store: new InMemoryConnectionStore(clock),
      close: () => Promise.resolve(),
      pass: (ms) => {
        clock.advance(ms);
        return Promise.resolve();
      },
    });
  },
  { describe, it, beforeEach, afterEach, expect },
);
