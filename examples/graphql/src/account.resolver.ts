import { UnauthorizedException } from '@nestjs/common';
import { Args, Context, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import type { FastifyReply } from 'fastify';
import { AllowAnonymous, CurrentUserId, SessionService } from 'nestjs-identity-session';
import { userWith } from './users.js';

// #region resolver
/** Of Mercurius; with Apollo take `req` and `res`. The whole of it: a reply by itself is a promise, and Nest would await it. */
interface GraphqlContext {
  readonly reply: FastifyReply;
}

@Resolver()
export class AccountResolver {
  constructor(private readonly sessions: SessionService) {}

  @AllowAnonymous()
  @Mutation(() => ID)
  async signIn(
    @Args('user') name: string,
    @Args('password') password: string,
    @Context() { reply }: GraphqlContext,
  ): Promise<string> {
    const user = userWith(name, password);
    if (user === undefined) throw new UnauthorizedException();
    const { session } = await this.sessions.signIn({ userId: user.id }, { request: reply.request, response: reply });
    return session.id;
  }

  @AllowAnonymous()
  @Mutation(() => Boolean)
  async signOut(@Context() { reply }: GraphqlContext): Promise<boolean> {
    await this.sessions.signOut({ request: reply.request, response: reply });
    return true;
  }

  @Query(() => ID)
  me(@CurrentUserId() userId: string): string {
    return userId;
  }
}
// #endregion
