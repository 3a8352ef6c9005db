import { SessionDataService } from '../../nest/data/session-data.service.js';
import type { SimulatedProcess } from './simulated-scheduler.js';
import type { SimulatedWorld } from './simulated-world.js';

/** It waits on the simulated clock. */
export class SimulatedDataService extends SessionDataService {
  constructor(
    private readonly world: SimulatedWorld,
    private readonly process: SimulatedProcess,
    parts: ConstructorParameters<typeof SessionDataService>,
  ) {
    super(...parts);
  }

  protected override pause(): Promise<void> {
    return this.world.scheduler.pause(this.process, this.world.random.between(0, 20));
  }
}
