import { createReadStream } from 'node:fs';
import { Controller, Get, Header, NotFoundException, Param, StreamableFile } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import { AllowAnonymous } from 'nestjs-identity-session';
import { ApiDescription } from './api-description.js';
import { DOCS_PAGE, DOCS_SCRIPT } from './docs-page.js';
import { swaggerUiAsset } from './swagger-ui-assets.js';

const CACHE_CONTROL = 'Cache-Control';
const CACHEABLE = 'public, max-age=3600';

/** The routes, described for people and for tools. Served here, because Nest's own page needs more on Fastify. */
@Controller()
@AllowAnonymous()
export class DocsController {
  constructor(private readonly description: ApiDescription) {}

  @Get('docs')
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(): string {
    return DOCS_PAGE;
  }

  @Get('docs-json')
  document(): Promise<OpenAPIObject> {
    return this.description.document;
  }

  @Get('docs/start.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  @Header(CACHE_CONTROL, CACHEABLE)
  script(): string {
    return DOCS_SCRIPT;
  }

  @Get('docs/:name')
  @Header(CACHE_CONTROL, CACHEABLE)
  asset(@Param('name') name: string): StreamableFile {
    const asset = swaggerUiAsset(name);
    if (asset === undefined) throw new NotFoundException('There is no such file.');
    return new StreamableFile(createReadStream(asset.path), { type: asset.type });
  }
}
