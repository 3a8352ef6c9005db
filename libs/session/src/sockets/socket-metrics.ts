import { counter, gauge, type MetricSample } from '../nest/metrics/session-metrics.js';
import type { ConnectionRegistry } from './registry/connection-registry.js';
import type { NodeLink } from './nodes/node-link.js';

/** What the connections of a node add up to. */
export interface SocketFigures {
  readonly connections: number;
  readonly kicked: number;
  readonly unverified: number;
  readonly slow: number;
}

export function socketSamples({ connections, kicked, unverified, slow }: SocketFigures): MetricSample[] {
  const closed = counter('connections_closed_total', 'Connections that this node has closed, by why.');
  return [
    gauge('connections', 'Connections of sockets on this node.')(connections),
    closed(kicked, { reason: 'session' }),
    closed(unverified, { reason: 'unverified' }),
    closed(slow, { reason: 'slow' }),
  ];
}

export function nodeLinkSamples({ isUp, figures: { unsent, malformed } }: NodeLink): MetricSample[] {
  const dropped = counter('node_messages_dropped_total', 'Messages between nodes that were given up, by why.');
  return [
    gauge('node_link_up', 'Whether messages of other nodes can be heard.')(isUp ? 1 : 0),
    dropped(unsent, { reason: 'unsent' }),
    dropped(malformed, { reason: 'malformed' }),
  ];
}

export function registrySamples({ refused, failures, rewrites }: ConnectionRegistry['figures']): MetricSample[] {
  return [
    counter(
      'registry_refused_total',
      'Connections that are told of nowhere: another node has one of the same id.',
    )(refused),
    counter('registry_failures_total', 'Times that who is connected could not be written down.')(failures),
    counter('registry_rewrites_total', 'Times that this node has written down all of its connections.')(rewrites),
  ];
}
