import type { ClusterNode } from '../cluster/node.js';
import type { Fault } from './fault.js';

/** Something between one node and the database. */
const onWire = (name: string, begin: (node: ClusterNode) => void, end: (node: ClusterNode) => void): Fault => ({
  name,
  concerns: 'network',
  apply: (cluster, random) => {
    const node = random.pick(cluster.nodes);
    begin(node);
    return Promise.resolve({
      node: node.name,
      heal: () => {
        end(node);
        return Promise.resolve();
      },
    });
  },
});

/** One in so many commits is carried out, and its node never hears of it. */
const LOST_COMMITS = 3;

/** `COMMIT` alone, or at the end of what autocommit sends: any statement that changes sessions. */
const CHANGES = /commit|update identity_session|insert into identity_session/i;

let changesSeen = 0;

export const NETWORK_FAULTS: readonly Fault[] = [
  onWire(
    'network cut',
    (node) => {
      node.toDatabase.cut();
    },
    (node) => {
      node.toDatabase.heal();
    },
  ),
  onWire(
    'network swallows everything',
    (node) => {
      node.toDatabase.stall();
    },
    (node) => {
      node.toDatabase.heal();
    },
  ),
  onWire(
    'network slow',
    (node) => {
      node.toDatabase.delayMs = 120;
    },
    (node) => {
      node.toDatabase.delayMs = 0;
    },
  ),
  onWire(
    'answers to commits lost',
    (node) => {
      node.toDatabase.loseAnswerTo = (sent) =>
        CHANGES.test(sent.toString('latin1')) && (changesSeen += 1) % LOST_COMMITS === 0;
    },
    (node) => {
      node.toDatabase.loseAnswerTo = undefined;
    },
  ),
];
