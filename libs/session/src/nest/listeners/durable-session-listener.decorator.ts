import type { SessionEvent } from '../events/session-event.js';

/** What the decorator leaves on a method. */
export const DURABLE_SESSION_LISTENER = 'identity-session:durable-listener';

/** What a listener is given beside an event. */
export interface EventDelivery {
  /** The same each time that the event is given: whoever has seen it has it twice. */
  readonly id: string;
  /** From 1 on. */
  readonly attempt: number;
}

/** Resolves once the event is dealt with. What it throws or rejects with has it called again. */
export type DurableListener = (event: SessionEvent, delivery: EventDelivery) => unknown;

export interface DurableListenerOptions {
  /** Only these. Default: all, `resync` included. */
  readonly types?: readonly SessionEvent['type'][];
  /** Where a name begins that is new: with what the log still has, or with what comes. Default `now`. */
  readonly from?: 'now' | 'beginning';
}

export interface DurableListenerMetadata extends DurableListenerOptions {
  readonly name: string;
}

/**
 * Has a method called for each session event at least once, whatever becomes of nodes: under a name that has a cursor of its
 * own in the database, and on one node at a time. Events come in order, one after the other; one that fails is tried again
 * with growing pauses and holds up what comes after it, until it is put aside after `listeners.maxAttempts`
 * (see `SessionDeadLetters`).
 *
 * Needs the PostgreSQL store. The start fails with `CONFIGURATION_INVALID` without it, where a name is used twice, and on
 * providers that are request-scoped or transient.
 *
 * @param name 1 to 100 characters; must stay the same from one release to the next
 */
export function DurableSessionListener(name: string, options: DurableListenerOptions = {}) {
  return <TMethod extends DurableListener>(
    _target: object,
    _key: string | symbol,
    { value }: TypedPropertyDescriptor<TMethod>,
  ): void => {
    if (value === undefined) return;
    const metadata: DurableListenerMetadata = { ...options, name };
    Reflect.defineMetadata(DURABLE_SESSION_LISTENER, metadata, value);
  };
}
