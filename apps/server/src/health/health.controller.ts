import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import { AllowAnonymous, SessionHealth, type HealthReport } from 'nestjs-identity-session';

/** What Express's response and Fastify's reply have in common here. */
interface StatusSetter {
  status(code: number): unknown;
}

@Controller('health')
@AllowAnonymous()
export class HealthController {
  constructor(private readonly health: SessionHealth) {}

  /** Whether this node serves; 503 where it cannot. */
  @Get()
  async check(@Res({ passthrough: true }) response: StatusSetter): Promise<HealthReport> {
    const report = await this.health.check();
    response.status(report.status === 'unavailable' ? HttpStatus.SERVICE_UNAVAILABLE : HttpStatus.OK);
    return report;
  }
}
