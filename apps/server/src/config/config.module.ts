import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { ServerConfig } from './server-config.js';
import { SERVER_CONFIG } from './server-config.token.js';

@Global()
@Module({})
export class ConfigModule {
  static of(config: ServerConfig): DynamicModule {
    return {
      module: ConfigModule,
      providers: [{ provide: SERVER_CONFIG, useValue: config }],
      exports: [SERVER_CONFIG],
    };
  }
}
