import { Logger } from '@nestjs/common';
import { IdentitySessionError } from '../core/errors.js';
import type { VouchedCredential } from '../nest/credential/vouched-session.js';
import { AnonymousAddresses } from './anonymous-addresses.js';
import type { LocalConnections } from './local-connections.js';
import type { ResolvedSocketsOptions } from './resolve-sockets-options.js';

/** How many connections there may be on this node. */
export class ConnectionLimits {
  readonly #logger = new Logger('IdentitySession');
  /** Where they are limited. */
  readonly #addresses: AnonymousAddresses | undefined;
  #hasToldOfAddress = false;

  constructor(
    private readonly connections: LocalConnections,
    private readonly options: Pick<ResolvedSocketsOptions, 'limits' | 'anonymous'>,
  ) {
    const isLimited = options.anonymous && options.limits.anonymousPerAddress > 0;
    this.#addresses = isLimited ? new AnonymousAddresses(connections) : undefined;
  }

  /** @throws IdentitySessionError `TOO_MANY_REQUESTS` where there is no room for another one */
  demandRoom(credential: VouchedCredential | null, address: string | null): void {
    const { perNode } = this.options.limits;
    if (this.connections.size >= perNode) throw tooMany('of this server', perNode);
    if (credential === null) this.#demandRoomFor(address);
    else this.demandRoomOf(credential);
  }

  /**
   * For a connection that is there already and becomes a session's.
   * @throws IdentitySessionError as `demandRoom`
   */
  demandRoomOf({ sessionId, tenantId, userId }: VouchedCredential): void {
    const { perSession, perUser } = this.options.limits;
    if (this.connections.ofSession(sessionId).size >= perSession) throw tooMany('of this session', perSession);
    if (this.connections.ofUser(tenantId, userId).size >= perUser) throw tooMany('of this user', perUser);
  }

  #demandRoomFor(address: string | null): void {
    const { anonymousPerAddress } = this.options.limits;
    if (this.#addresses === undefined || this.#addresses.count(address) < anonymousPerAddress) return;
    if (!this.#hasToldOfAddress) {
      this.#hasToldOfAddress = true;
      this.#logger.warn(ONE_ADDRESS);
    }
    throw tooMany('of this address that nobody has authenticated', anonymousPerAddress);
  }
}

const ONE_ADDRESS =
  'Connections without a session are refused: there are limits.anonymousPerAddress of one address already. Behind a ' +
  'proxy, set trustProxyHops, or everybody has one address. This is told once.';

function tooMany(whose: string, most: number): IdentitySessionError {
  const message = `There are ${most} connections ${whose}, which is the most. Close one of them.`;
  return new IdentitySessionError('TOO_MANY_REQUESTS', message, { retryAfterSeconds: 10 });
}
