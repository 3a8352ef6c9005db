import type { SessionChangeEvent, SessionEvent, SessionResyncEvent } from './session-event.js';

/** What the decorator leaves on a method: the types of each time it stands there. None is all of them. */
export const ON_SESSION_EVENT = 'identity-session:on-session-event';

type EventOf<TType> = TType extends 'resync' ? SessionResyncEvent : SessionChangeEvent;
type Heard<TTypes extends readonly SessionEvent['type'][]> = TTypes['length'] extends 0
  ? SessionEvent
  : EventOf<TTypes[number]>;

/**
 * Has a method of a provider or controller called for session events as `SessionEvents.subscribe` does: in this process,
 * for each change that this node has applied, in order. For the types named; where none is, for all of them, `resync`
 * included. A method may carry it several times and is called once for an event. What it throws is logged and changes
 * nothing.
 *
 * Found when the application starts, before any event is told. The start fails with `CONFIGURATION_INVALID` where the
 * provider is request-scoped or transient: there is no one instance that could listen.
 */
export function OnSessionEvent<TTypes extends readonly SessionEvent['type'][]>(...types: TTypes) {
  return <TMethod extends (event: Heard<TTypes>) => unknown>(
    _target: object,
    _key: string | symbol,
    { value }: TypedPropertyDescriptor<TMethod>,
  ): void => {
    if (value === undefined) return;
    const before = (Reflect.getMetadata(ON_SESSION_EVENT, value) ?? []) as SessionEvent['type'][][];
    Reflect.defineMetadata(ON_SESSION_EVENT, [...before, [...types]], value);
  };
}
