import { runNow } from '../clock.js';
import type { Cluster } from '../cluster/cluster.js';
import type { ClusterNode } from '../cluster/node.js';
import type { AnswerFacts, History, Operation, OperationKind, OperationTarget } from '../history.js';
import type { Random } from '../random.js';
import { type HttpAnswer, type HttpRequest, send } from './http.js';
import type { HeldToken, Person } from './people.js';
import { generationOf, issuedIn, sessionOf } from './token-text.js';

/** More requests than this wait at no node, so that a stopped one does not hold up all clients. */
const MOST_IN_FLIGHT = 6;

/** A node that refuses connections is left alone for a moment, as a load balancer would do. */
const AVOID_MS = 250;

/** What is to be done, and by whom. */
export interface Call {
  readonly kind: OperationKind;
  readonly person: Person | null;
  readonly token?: HeldToken | undefined;
  readonly target?: OperationTarget;
  readonly request: Omit<HttpRequest, 'token'>;
  /** Reads of the answer what matters for the record. */
  readonly read?: (answer: HttpAnswer) => AnswerFacts;
  /** Asked behind the answer. */
  readonly passwordIsSure?: () => boolean;
}

/** What came of it. */
export interface Done {
  readonly operation: Operation;
  readonly answer: HttpAnswer | undefined;
}

/** Sends requests to the nodes and records every one. */
export class Client {
  readonly #inFlight = new Map<ClusterNode, number>();
  readonly #lostAt = new Map<ClusterNode, number>();
  /** True for the checks behind the quiet period. */
  final = false;

  constructor(
    private readonly cluster: Cluster,
    private readonly history: History,
  ) {}

  get inFlight(): number {
    return [...this.#inFlight.values()].reduce((sum, count) => sum + count, 0);
  }

  /** A node that answers and is not up to its limit; `undefined` where there is none. */
  anyNode(random: Random): ClusterNode | undefined {
    const avoided = runNow() - AVOID_MS;
    return random
      .shuffled(this.cluster.nodes)
      .find(
        (node) => (this.#inFlight.get(node) ?? 0) < MOST_IN_FLIGHT && (this.#lostAt.get(node) ?? -Infinity) < avoided,
      );
  }

  async call(node: ClusterNode, call: Call): Promise<Done> {
    const { kind, person, token, target = {}, request, read, passwordIsSure } = call;
    this.#count(node, 1);
    const begun = runNow();
    const { answer, why } = await send(node.url, { ...request, token }).then(
      (value) => ({ answer: value, why: '' }),
      (error: unknown) => ({ answer: undefined, why: String(error) }),
    );
    const ended = runNow();
    this.#count(node, -1);
    if (answer === undefined) this.#lostAt.set(node, ended);
    const successor = answer === undefined || token === undefined ? undefined : successorOf(answer, token);
    const operation = this.history.append({
      kind,
      node: node.name,
      begun,
      ended,
      user: person?.id ?? null,
      token: token === undefined ? null : { session: token.session, generation: token.generation },
      target,
      ...(passwordIsSure === undefined ? {} : { passwordIsSure: passwordIsSure() }),
      final: this.final,
      outcome:
        answer === undefined
          ? { kind: 'lost', why }
          : {
              kind: 'answered',
              status: answer.status,
              code: typeof answer.body?.code === 'string' ? answer.body.code : null,
              ...(answer.status < 300 ? read?.(answer) : {}),
              ...(successor === undefined
                ? {}
                : { successor: { session: successor.session, generation: successor.generation } }),
            },
    });
    if (successor !== undefined) person?.hold(successor);
    return { operation, answer };
  }

  #count(node: ClusterNode, change: 1 | -1): void {
    this.#inFlight.set(node, (this.#inFlight.get(node) ?? 0) + change);
  }
}

/** The token that an answer brings in place of the presented one, by the way that this one came. */
function successorOf(answer: HttpAnswer, token: HeldToken): HeldToken | undefined {
  const secret = issuedIn(answer, token.transport);
  if (secret === undefined || sessionOf(secret) !== token.session) return undefined;
  return { ...token, generation: generationOf(secret), secret };
}
