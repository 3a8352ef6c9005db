import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { clientAddress } from 'nestjs-identity-session';
import type { ServerConfig } from '../config/server-config.js';
import { SERVER_CONFIG } from '../config/server-config.token.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { rateLimitHeaders } from './rate-limit-headers.js';
import type { SignInTarget } from './sign-in-limiter.js';

/** Knows where an attempt comes from, and tells the client how many are left. */
@Injectable()
export class SignInAttempts {
  constructor(
    private readonly adapters: HttpAdapterHost,
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
  ) {}

  of({ request, response }: HttpExchange): Pick<SignInTarget, 'address' | 'onAllowance'> {
    return {
      address: clientAddress(request, this.config.http.trustProxyHops),
      onAllowance: (allowance) => {
        const { httpAdapter } = this.adapters;
        for (const [name, value] of Object.entries(rateLimitHeaders(allowance))) {
          httpAdapter.setHeader(response, name, value);
        }
      },
    };
  }
}
