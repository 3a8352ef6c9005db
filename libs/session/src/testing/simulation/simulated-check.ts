import type { SimulatedNode } from './simulated-node.js';

/** A session as its client knows it. */
export interface SimulatedSession {
  readonly name: string;
  readonly id: string;
  readonly userId: string;
  /** Every token that its client has, the newest last. */
  readonly tokens: string[];
}

/** A request, from when its node took it up to when it was answered. */
export interface SimulatedCheck {
  readonly session: SimulatedSession;
  readonly token: string;
  readonly node: SimulatedNode;
  readonly from: number;
  /** The database had to be asked, as of after the request came. */
  readonly strict: boolean;
  /** The version of the session's data that the node had acknowledged then. */
  readonly knownData: number;
}
