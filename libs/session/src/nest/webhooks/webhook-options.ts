import type { SessionEvent } from '../events/session-event.js';

/** Where session events are posted to. */
export interface WebhookOptions {
  /** 1 to 80 characters; its place in the log is kept under it. */
  readonly name: string;
  /** `https://…`, without user and password. */
  readonly url: string;
  /** `whsec_` and base64 of 24 to 64 bytes each. All of them sign, so that one can be replaced by another. */
  readonly secrets: readonly string[];
  /** Only these. Default: all, `resync` included. */
  readonly types?: readonly SessionEvent['type'][] | undefined;
  /** No answer for so long is a failure. Below `listeners.deadlineMs`. Default 10 000. */
  readonly timeoutMs?: number;
  /** Takes `http://` as well. Default false. */
  readonly allowInsecure?: boolean;
  /** Takes hosts with private, local and other special addresses. Default false. */
  readonly allowPrivateAddresses?: boolean;
}
