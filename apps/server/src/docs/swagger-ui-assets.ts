import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The files of Swagger UI that the page loads, and their types. Nothing else of the package can be asked for. */
const TYPES: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

export interface Asset {
  readonly path: string;
  readonly type: string;
}

/** Where the file lies; Swagger UI comes with @nestjs/swagger. `undefined` for any other name. */
export function swaggerUiAsset(name: string): Asset | undefined {
  if (!Object.hasOwn(TYPES, name)) return undefined;
  const swagger = createRequire(import.meta.url).resolve('@nestjs/swagger');
  const folder = dirname(createRequire(swagger).resolve('swagger-ui-dist/package.json'));
  return { path: join(folder, name), type: TYPES[name] ?? '' };
}
