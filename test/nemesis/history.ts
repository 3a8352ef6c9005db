/** What a client asked for. */
export type OperationKind =
  | 'sign-up'
  | 'sign-in'
  | 'sign-out'
  | 'me'
  | 'list'
  | 'end-own'
  | 'end-own-others'
  | 'password'
  | 'admin-end'
  | 'admin-end-user'
  | 'admin-bulk'
  | 'admin-cut-off'
  | 'admin-account'
  | 'admin-message'
  | 'admin-stats'
  | 'admin-suspend'
  | 'admin-resume'
  | 'admin-undo'
  | 'restore'
  | 'admin-job'
  | 'admin-job-read'
  | 'admin-job-cancel'
  | 'data'
  | 'data-merge'
  | 'data-set'
  | 'user-data'
  /** Of a socket. */
  | 'connect';

/** A token without the secret: the session that it was issued for, and how many came before it. */
export interface TokenReference {
  readonly session: string;
  readonly generation: number;
}

/** Whom or what an operation is about, beside the token that it presents. */
export interface OperationTarget {
  readonly session?: string;
  readonly user?: string;
  /** Of a user's sessions, the one that stays. */
  readonly except?: string;
  /** Why, in words that no other operation uses: the log has them. */
  readonly reason?: string;
  readonly job?: string;
  /** The members that a change of data gives new values, which no other change uses. */
  readonly written?: Readonly<Record<string, string>>;
  /** The version that a change of data must find. */
  readonly ifVersion?: number;
}

/** The data of a session, as an answer has it. */
export interface SeenData {
  readonly version: number;
  readonly members: Readonly<Record<string, unknown>>;
}

/** What the answer said, as far as it matters. */
export interface AnswerFacts {
  /** Whom the server took the caller for. */
  readonly seenAs?: { readonly user: string; readonly session: string };
  /** Users whose sessions a list held. */
  readonly listedUsers?: readonly string[];
  readonly created?: TokenReference & { readonly user: string };
  readonly evicted?: readonly string[];
  /** The token that came with the answer in place of the one that was presented. */
  readonly successor?: TokenReference;
  /** False where a bulk says that it has not come to its end. */
  readonly complete?: boolean;
  readonly data?: SeenData;
  readonly job?: { readonly id: string; readonly status: string };
}

/** An answer; or none, and then what was asked for may have happened or not. */
export type Outcome =
  | ({ readonly kind: 'answered'; readonly status: number; readonly code: string | null } & AnswerFacts)
  | { readonly kind: 'lost'; readonly why: string };

/** One request, from before it was sent to behind its answer, in milliseconds on the clock of the run. */
export interface Operation {
  readonly id: number;
  readonly kind: OperationKind;
  readonly node: string;
  readonly begun: number;
  readonly ended: number;
  /** The user that the presented token belongs to, or who signs in. */
  readonly user: string | null;
  /** The token that was presented. */
  readonly token: TokenReference | null;
  readonly target: OperationTarget;
  /** For what checks a password: whether it was surely the right one all the time. */
  readonly passwordIsSure?: boolean;
  /** True for the checks behind the quiet period at the end. */
  readonly final: boolean;
  readonly outcome: Outcome;
}

/** The record of all operations. Only ever grows. */
export class History {
  readonly #operations: Operation[] = [];

  get operations(): readonly Operation[] {
    return this.#operations;
  }

  append(operation: Omit<Operation, 'id'>): Operation {
    const numbered = { id: this.#operations.length + 1, ...operation };
    this.#operations.push(numbered);
    return numbered;
  }
}

/** True for an answer in the two hundreds. */
export function succeeded(operation: Operation): boolean {
  return operation.outcome.kind === 'answered' && operation.outcome.status >= 200 && operation.outcome.status < 300;
}

/** Operations that anybody may ask for: that they succeed says nothing of the token that was presented. */
const OPEN_TO_ALL: readonly OperationKind[] = ['sign-up', 'sign-in', 'sign-out', 'restore'];

/** True where the answer shows that the server took the presented token for that of a live session. */
export function wasAdmitted(operation: Operation): boolean {
  return operation.token !== null && !OPEN_TO_ALL.includes(operation.kind) && succeeded(operation);
}
