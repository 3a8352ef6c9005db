import { z } from 'zod';
import { isEventName } from './event-name.js';

/** Whom a message is for. */
const TARGET = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('connection'), id: z.string() }),
  z.strictObject({ kind: z.literal('session'), id: z.string() }),
  z.strictObject({ kind: z.literal('user'), userId: z.string(), tenantId: z.string().nullable() }),
  z.strictObject({ kind: z.literal('all') }),
]);

const LONGEST_WAIT_MS = 600_000;

const SENT = z.strictObject({
  v: z.literal(1),
  kind: z.literal('message'),
  id: z.string(),
  target: TARGET,
  namespace: z.string().optional(),
  event: z.string().refine(isEventName),
  /** What each connection has so long to acknowledge. */
  acknowledgeMs: z.int().min(1).max(LONGEST_WAIT_MS).optional(),
  /** Whether the sender waits for what became of it. */
  isAnswered: z.boolean(),
  data: z.unknown().optional(),
});

const ANSWER = z.strictObject({
  v: z.literal(1),
  kind: z.literal('answer'),
  /** The message that it is the answer to. */
  id: z.string(),
  /** Who answers. */
  from: z.string(),
  reached: z.int().min(0),
  failed: z.int().min(0),
  acknowledged: z.array(z.strictObject({ connectionId: z.string(), value: z.unknown().optional() })),
  unacknowledged: z.array(z.string()),
  /** Whether nothing more comes from there. */
  isLast: z.boolean(),
});

const MESSAGE = z.discriminatedUnion('kind', [SENT, ANSWER]);

export type MessageTarget = z.infer<typeof TARGET>;
export type SentMessage = z.infer<typeof SENT>;
export type NodeAnswer = z.infer<typeof ANSWER>;

/** What another node has sent; `undefined` for what none of this version would send. */
export function readNodeMessage(text: string): SentMessage | NodeAnswer | undefined {
  try {
    return MESSAGE.safeParse(JSON.parse(text)).data;
  } catch {
    // No JSON, or nested so deeply that nobody could have sent it.
    return undefined;
  }
}
