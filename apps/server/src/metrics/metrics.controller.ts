import { Controller, Get, Header, StreamableFile } from '@nestjs/common';
import { AllowAnonymous } from 'nestjs-identity-session';
import { ServerMetrics } from './server-metrics.js';

@Controller('metrics')
@AllowAnonymous()
export class MetricsController {
  constructor(private readonly metrics: ServerMetrics) {}

  /** For scrapers, which have no session. It tells numbers of the node and nothing of anybody. */
  @Get()
  @Header('Cache-Control', 'no-store')
  async text(): Promise<StreamableFile> {
    // As bytes: Express would put the parameters of a text's type into another order.
    return new StreamableFile(Buffer.from(await this.metrics.text()), { type: this.metrics.contentType });
  }
}
