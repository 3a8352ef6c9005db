import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Controller, Get, Header, NotFoundException, Param, StreamableFile } from '@nestjs/common';
import { AllowAnonymous } from 'nestjs-identity-session';

const PAGE = fileURLToPath(new URL('page/', import.meta.url));
const SCRIPT_TYPE = 'text/javascript; charset=utf-8';

/** The page's own files, and their types. Nothing else can be asked for. */
const TYPES: Readonly<Record<string, string>> = {
  'administration.js': SCRIPT_TYPE,
  'example.css': 'text/css; charset=utf-8',
  'example.js': SCRIPT_TYPE,
  'page.js': SCRIPT_TYPE,
  'second-factor.js': SCRIPT_TYPE,
};

/** As for all answers, without inline styles and foreign types; the page puts what it is told in as text only. */
const POLICY = [
  "default-src 'self'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "img-src 'self'",
  "object-src 'none'",
  "script-src 'self'",
  "script-src-attr 'none'",
  "style-src 'self'",
  "require-trusted-types-for 'script'",
].join(';');

/** A page on which people see their devices come and go, and why they were signed out. No build, nothing from elsewhere. */
@Controller('example')
@AllowAnonymous()
export class ExampleController {
  @Get()
  @Header('Content-Security-Policy', POLICY)
  page(): StreamableFile {
    return new StreamableFile(createReadStream(join(PAGE, 'index.html')), { type: 'text/html; charset=utf-8' });
  }

  /** The client of the socket.io that serves here. */
  @Get('socket.io.js')
  @Header('Cache-Control', 'public, max-age=3600')
  client(): StreamableFile {
    const socketIo = dirname(createRequire(import.meta.url).resolve('socket.io/package.json'));
    const path = join(socketIo, 'client-dist', 'socket.io.esm.min.js');
    return new StreamableFile(createReadStream(path), { type: SCRIPT_TYPE });
  }

  @Get(':name')
  file(@Param('name') name: string): StreamableFile {
    if (!Object.hasOwn(TYPES, name)) throw new NotFoundException('There is no such file.');
    return new StreamableFile(createReadStream(join(PAGE, name)), { type: TYPES[name] ?? '' });
  }
}
