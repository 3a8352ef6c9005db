import { randomUUID } from 'node:crypto';
import { IdentitySessionError } from '../../core/errors.js';
import { withoutUndefined } from '../../nest/rest/defined.js';
import { within } from '../../sync/within.js';
import type { Ear, NodeBus } from '../nodes/node-bus.js';
import type { ResolvedSocketsOptions } from '../resolve-sockets-options.js';
import { type Delivery, type LocalDelivery, NOTHING_DELIVERED, sumOf } from './delivery.js';
import { isEventName } from './event-name.js';
import { jsonText } from './json-text.js';
import type { LocalSender } from './local-sender.js';
import { answerTexts } from './node-answers.js';
import { type MessageTarget, readNodeMessage, type SentMessage } from './node-message.js';
import { PendingAnswers } from './pending-answers.js';

/** How a message is sent. */
export interface SendOptions {
  /** Only to connections of this namespace. Default: of all. */
  readonly namespace?: string;
  /** Asks each connection to acknowledge, and waits so long for it. Default: asks none. */
  readonly acknowledge?: { readonly timeoutMs: number };
  /**
   * Whether other nodes are asked what became of it. With false nothing is waited for, and the result tells of this node
   * alone. Default true.
   */
  readonly confirm?: boolean;
}

/** Whose connections: a user is one of a tenant, or of none. */
export interface UserTarget {
  readonly userId: string;
  readonly tenantId?: string | null;
}

type Limits = Pick<ResolvedSocketsOptions, 'maxNodeMessageBytes' | 'nodeAnswerTimeoutMs'>;

/** No id is longer. */
const LONGEST_ID = 1_024;
/** Messages that are waited for at once; others are sent, and not waited for. */
const MOST_PENDING = 10_000;
const LONGEST_ACKNOWLEDGEMENT_MS = 600_000;

/**
 * Sends events to connections on all nodes, by whose they are. Asks no database: each node knows its own connections, and
 * a connection whose session is known to be over gets nothing.
 *
 * Messages of one node arrive at a connection in the order in which they were sent, each at most once: what is lost
 * between nodes is not sent again. A receiver that does not read delays nobody.
 *
 * All methods throw `VALIDATION_FAILED`, before anything is sent, for a name that is reserved (`connect`, `error`,
 * `session:…` and the like), for data that JSON cannot carry, and for messages above `maxNodeMessageBytes`. Nobody to
 * receive it is no error, but an outcome.
 */
export class SessionMessenger {
  readonly #pending = new Map<string, PendingAnswers>();

  constructor(
    private readonly bus: NodeBus,
    private readonly local: LocalSender,
    private readonly limits: Limits,
  ) {
    bus.listen((text, ear) => {
      this.#heard(text, ear);
    });
  }

  sendToConnection(connectionId: string, event: string, data?: unknown, options?: SendOptions): Promise<Delivery> {
    return this.#send({ kind: 'connection', id: connectionId }, event, data, options);
  }

  sendToSession(sessionId: string, event: string, data?: unknown, options?: SendOptions): Promise<Delivery> {
    return this.#send({ kind: 'session', id: sessionId }, event, data, options);
  }

  sendToUser(user: UserTarget, event: string, data?: unknown, options?: SendOptions): Promise<Delivery> {
    const { userId, tenantId = null } = user;
    return this.#send({ kind: 'user', userId, tenantId }, event, data, options);
  }

  /** To every connection, those without a session too. */
  broadcast(event: string, data?: unknown, options?: SendOptions): Promise<Delivery> {
    return this.#send({ kind: 'all' }, event, data, options);
  }

  // Nothing is awaited before the message is on its way everywhere: that is what keeps the order.
  async #send(target: MessageTarget, event: string, data: unknown, options: SendOptions = {}): Promise<Delivery> {
    const { confirm = true, acknowledge, namespace } = options;
    const id = randomUUID();
    const isAnswered = confirm && this.#pending.size < MOST_PENDING;
    const isPossible = canBe(target);
    const { text, message } = this.#encode(
      {
        v: 1,
        kind: 'message',
        id,
        target: isPossible ? target : NOBODY,
        ...withoutUndefined({ namespace }),
        event,
        isAnswered,
      },
      data,
      acknowledge?.timeoutMs,
    );
    if (!isPossible) return deliveryOf([], 0, true);
    // There is one connection of an id.
    const isHere = target.kind === 'connection' && this.local.has(target.id);
    const answers = !isHere && this.bus.isCluster ? this.#publish(message, text) : undefined;
    const here = this.local.send(message);
    if (answers === undefined) return deliveryOf([await here], 0, isHere || !this.bus.isCluster);
    const [own, others] = await Promise.all([here, answers]);
    return deliveryOf([own, others.delivery], others.silent, others.isComplete);
  }

  /** Sends it to the others, and gives what they say of it. */
  #publish(message: SentMessage, text: string): Promise<OthersDelivery> {
    if (!message.isAnswered) {
      this.bus.publish(text);
      return Promise.resolve({ delivery: NOTHING_DELIVERED, silent: 0, isComplete: false });
    }
    const pending = new PendingAnswers(message.target.kind === 'connection');
    this.#pending.set(message.id, pending);
    this.bus.publish(text);
    return this.#gather(message, pending).finally(() => {
      this.#pending.delete(message.id);
    });
  }

  async #gather({ acknowledgeMs = 0 }: SentMessage, pending: PendingAnswers): Promise<OthersDelivery> {
    const patience = this.limits.nodeAnswerTimeoutMs;
    const others = await within(patience, this.bus.others()).catch(() => undefined);
    const isUp = others !== undefined && this.bus.isUp;
    if (isUp) {
      pending.expect(others);
      await within(patience + acknowledgeMs, pending.settled).catch(() => undefined);
    }
    const silent = pending.isSettled ? 0 : Math.max(0, (others ?? 0) - pending.answered);
    return { delivery: pending.total, silent, isComplete: isUp && silent === 0 };
  }

  #heard(text: string, ear: Ear): void {
    if (text.length > this.limits.maxNodeMessageBytes) return;
    const message = readNodeMessage(text);
    if (message === undefined) return;
    if (message.kind === 'answer') this.#pending.get(message.id)?.take(message);
    else void this.#deliver(message, ear);
  }

  async #deliver(message: SentMessage, ear: Ear): Promise<void> {
    const delivery = ear.speaks ? await this.local.send(message) : NOTHING_DELIVERED;
    if (!message.isAnswered) return;
    for (const text of answerTexts(message.id, ear.id, delivery, this.limits.maxNodeMessageBytes)) {
      this.bus.publish(text);
    }
  }

  #encode(
    head: Omit<SentMessage, 'data' | 'acknowledgeMs'>,
    data: unknown,
    acknowledgeMs: number | undefined,
  ): { readonly text: string; readonly message: SentMessage } {
    if (!isEventName(head.event)) throw invalid(`The event ${JSON.stringify(head.event)} is reserved, or no name.`);
    if (acknowledgeMs !== undefined && !isWait(acknowledgeMs)) {
      throw invalid(`acknowledge.timeoutMs must be whole milliseconds up to ${LONGEST_ACKNOWLEDGEMENT_MS}.`);
    }
    const message = { ...head, ...withoutUndefined({ acknowledgeMs }) };
    const text = withData(JSON.stringify(message), data);
    if (Buffer.byteLength(text) > this.limits.maxNodeMessageBytes) {
      throw invalid(`The message is longer than maxNodeMessageBytes, ${this.limits.maxNodeMessageBytes}.`);
    }
    // Connections of this node get what those of others do, whatever becomes of the object afterwards.
    return { text, message: data === undefined ? message : (JSON.parse(text) as SentMessage) };
  }
}

interface OthersDelivery {
  readonly delivery: LocalDelivery;
  readonly silent: number;
  readonly isComplete: boolean;
}

function withData(head: string, data: unknown): string {
  if (data === undefined) return head;
  try {
    return `${head.slice(0, -1)},"data":${jsonText(data)}}`;
  } catch (error) {
    throw invalid(`The data cannot be sent as JSON: ${error instanceof Error ? error.message : 'no JSON'}.`);
  }
}

function deliveryOf(parts: readonly LocalDelivery[], silentNodes: number, isComplete: boolean): Delivery {
  const total = sumOf(parts);
  const found = total.reached > 0 ? 'reached' : 'failed';
  const outcome = total.reached + total.failed > 0 ? found : isComplete ? 'offline' : 'unknown';
  return { outcome, ...total, silentNodes, isComplete };
}

const NOBODY: MessageTarget = { kind: 'connection', id: '' };

/** Whether there could be such a connection: what comes from clients may be anything. */
function canBe(target: MessageTarget): boolean {
  const isId = (value: unknown): boolean => typeof value === 'string' && value.length <= LONGEST_ID;
  switch (target.kind) {
    case 'all':
      return true;
    case 'user':
      return isId(target.userId) && (target.tenantId === null || isId(target.tenantId));
    default:
      return isId(target.id);
  }
}

function isWait(ms: number): boolean {
  return Number.isSafeInteger(ms) && ms >= 1 && ms <= LONGEST_ACKNOWLEDGEMENT_MS;
}

function invalid(message: string): IdentitySessionError {
  return new IdentitySessionError('VALIDATION_FAILED', message);
}
