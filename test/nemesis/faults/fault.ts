import type { Cluster } from '../cluster/cluster.js';
import type { FaultConcern } from '../evidence.js';
import type { Random } from '../random.js';

/** A fault that is there now. */
export interface AppliedFault {
  /** The node that it was done to; `null` for what all nodes share. */
  readonly node: string | null;
  /** Takes it away. Resolves when that is done, not when everybody has recovered. */
  heal(): Promise<void>;
}

/** One way in which the cluster can go wrong. */
export interface Fault {
  readonly name: string;
  /** Two faults at once never concern the same. */
  readonly concerns: FaultConcern;
  /** The longest time to hold it, where the nemesis must not hold it as long as others. */
  readonly longestMs?: number;
  apply(cluster: Cluster, random: Random): Promise<AppliedFault>;
}

/** Does something again and again until it is told to stop; what fails is tried the next time. */
export function repeatedly(work: () => Promise<unknown>, everyMs: number): () => Promise<void> {
  let isWanted = true;
  const run = async (): Promise<void> => {
    while (isWanted) {
      await work().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  };
  const running = run();
  return () => {
    isWanted = false;
    return running;
  };
}
