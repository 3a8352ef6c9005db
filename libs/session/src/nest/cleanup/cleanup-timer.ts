import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';

/** What `@nestjs/schedule` calls the run. */
export const CLEANUP_JOB = 'identity-session.cleanup';

/** The part of the registry of `@nestjs/schedule` that is used. */
interface SchedulerRegistry {
  doesExist(type: 'interval', name: string): boolean;
  addInterval(name: string, interval: unknown): void;
  deleteInterval(name: string): void;
}

/** Up to this part more or less, so that nodes that were started together part. */
const SPREAD = 0.1;

/**
 * Calls a task at intervals. Where the application has imported `ScheduleModule` of `@nestjs/schedule`, the interval is
 * in its registry as `identity-session.cleanup`, to be listed and removed there like the application's own.
 */
@Injectable()
export class CleanupTimer {
  #interval: NodeJS.Timeout | undefined;
  #registry: SchedulerRegistry | undefined;

  constructor(@Inject(ModuleRef) private readonly moduleRef: ModuleRef) {}

  /** Resolves once the first call is in sight. */
  async start(intervalMs: number, task: () => void): Promise<void> {
    const interval = setInterval(task, intervalMs * (1 - SPREAD + 2 * SPREAD * Math.random())).unref();
    this.#interval = interval;
    const registry = await this.#findRegistry();
    // Several modules in one application have several cleanups; the first has the name.
    if (this.#interval !== interval || registry?.doesExist('interval', CLEANUP_JOB) !== false) return;
    registry.addInterval(CLEANUP_JOB, interval);
    this.#registry = registry;
  }

  stop(): void {
    clearInterval(this.#interval);
    this.#interval = undefined;
    if (this.#registry?.doesExist('interval', CLEANUP_JOB) === true) this.#registry.deleteInterval(CLEANUP_JOB);
    this.#registry = undefined;
  }

  async #findRegistry(): Promise<SchedulerRegistry | undefined> {
    try {
      const schedule = (await import('@nestjs/schedule')) as { SchedulerRegistry?: abstract new () => unknown };
      if (schedule.SchedulerRegistry === undefined) return undefined;
      const registry: unknown = this.moduleRef.get(schedule.SchedulerRegistry, { strict: false });
      return registry as SchedulerRegistry;
    } catch {
      // Not installed, or not imported by the application: a timer is a timer.
      return undefined;
    }
  }
}
