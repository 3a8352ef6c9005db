import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { decoratedMethods } from './decorated-methods.js';
import { ON_SESSION_EVENT } from './on-session-event.decorator.js';
import { SessionEventFeed } from './session-event-feed.js';
import type { SessionEvent } from './session-event.js';

/** Subscribes the methods with `@OnSessionEvent`. */
@Injectable()
export class SessionEventMethods {
  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(SessionEventFeed) private readonly feed: SessionEventFeed,
  ) {}

  /** @throws IdentitySessionError `CONFIGURATION_INVALID` where a method's provider does not last */
  subscribe(): void {
    for (const { metadata, call } of decoratedMethods(this.discovery, ON_SESSION_EVENT, 'OnSessionEvent')) {
      const uses = metadata as SessionEvent['type'][][];
      const types = uses.some((use) => use.length === 0) ? null : new Set(uses.flat());
      this.feed.subscribe((event) => (types === null || types.has(event.type) ? call(event) : undefined));
    }
  }
}
