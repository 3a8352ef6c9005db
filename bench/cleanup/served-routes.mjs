// What the load asks of a node that is measured; without decorators, since nothing compiles it.
import { Body, Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { AllowAnonymous, SessionService } from 'nestjs-identity-session';

export class BenchController {
  constructor(sessions) {
    this.sessions = sessions;
  }

  me() {
    return { ok: true };
  }

  async signIn({ userId }) {
    const { session } = await this.sessions.signIn({ userId });
    return { id: session.id };
  }
}
const methodOf = (name) => Object.getOwnPropertyDescriptor(BenchController.prototype, name);
const decorate = (name, ...decorators) => {
  for (const decorator of decorators) decorator(BenchController.prototype, name, methodOf(name));
};
decorate('me', Get('me'));
decorate('signIn', Post('sign-in'), HttpCode(200), AllowAnonymous());
Body()(BenchController.prototype, 'signIn', 0);
Inject(SessionService)(BenchController, undefined, 0);
Controller()(BenchController);
