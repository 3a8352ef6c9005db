import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { node, npm } from './processes.mjs';

const EXAMPLE = fileURLToPath(new URL('../../examples/quick-start/', import.meta.url));
const LIBRARY = 'nestjs-identity-session';
const ENTRIES = [LIBRARY, `${LIBRARY}/testing`];

/** A fresh application of the target with the packed library in it. npm refuses peers that do not fit. */
export async function install({ name, directory }, tarball) {
  await mkdir(directory);
  await cp(join(EXAMPLE, 'src'), join(directory, 'src'), { recursive: true });
  await cp(join(EXAMPLE, 'targets', name), directory, { recursive: true });
  const manifestPath = join(directory, 'package.json');
  const manifest = JSON.parse(await readFile(manifestPath, 'utf8'));
  manifest.dependencies[LIBRARY] = `file:${tarball}`;
  await writeFile(manifestPath, JSON.stringify(manifest, undefined, 2));
  const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--prefer-offline'];
  await npm(['install', '--strict-peer-deps', ...quiet], { cwd: directory });
  await npm(['ls', '--all'], { cwd: directory });
  for (const peer of ['@nestjs', 'typeorm', 'rxjs', 'reflect-metadata', 'pg']) {
    const second = join('node_modules', LIBRARY, 'node_modules', peer);
    assert.ok(!existsSync(join(directory, second)), `${second}: the library must use the application's.`);
  }
}

export async function compile({ directory }) {
  await node([join('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'], { cwd: directory });
}

/** Every kind of resolution must find the declarations of the build that Node would load. */
export function checkTypes({ directory }) {
  const ts = createRequire(join(directory, 'package.json'))('typescript');
  const { ModuleKind, ModuleResolutionKind } = ts;
  const ways = [
    { moduleResolution: ModuleResolutionKind.Node10, module: ModuleKind.CommonJS, build: 'cjs' },
    { moduleResolution: ModuleResolutionKind.Node16, module: ModuleKind.CommonJS, build: 'cjs' },
    { moduleResolution: ModuleResolutionKind.Node16, module: ModuleKind.ESNext, build: 'esm' },
    { moduleResolution: ModuleResolutionKind.NodeNext, module: ModuleKind.CommonJS, build: 'cjs' },
    { moduleResolution: ModuleResolutionKind.NodeNext, module: ModuleKind.ESNext, build: 'esm' },
    { moduleResolution: ModuleResolutionKind.Bundler, module: ModuleKind.ESNext, build: 'esm' },
  ];
  for (const { moduleResolution, module, build } of ways) {
    for (const entry of ENTRIES) {
      const { resolvedModule } = ts.resolveModuleName(
        entry,
        join(directory, 'src', 'main.ts'),
        { moduleResolution, module },
        ts.sys,
        undefined,
        undefined,
        // A mode would let Node10 read "exports", which it does not for a compiler.
        moduleResolution === ModuleResolutionKind.Node10 ? undefined : module,
      );
      const folder = entry === LIBRARY ? '' : '/testing';
      assert.equal(
        resolvedModule?.resolvedFileName.slice(-`/dist/${build}${folder}/index.d.ts`.length),
        `/dist/${build}${folder}/index.d.ts`,
        `${entry} with ${ModuleResolutionKind[moduleResolution]} from ${ModuleKind[module]}: ` +
          (resolvedModule?.resolvedFileName ?? 'not found'),
      );
    }
  }
}

/** Loads every entry by `require` and by `import`, prints the names and whether both gave the same things. */
const LOAD = `(async () => {
  const names = (module) => Object.keys(module).filter((name) => !['default', 'module.exports', '__esModule'].includes(name));
  const seen = [];
  for (const entry of ${JSON.stringify(ENTRIES)}) {
    const required = require(entry);
    const imported = await import(entry);
    seen.push({
      entry,
      path: require.resolve(entry),
      required: names(required).sort(),
      imported: names(imported).sort(),
      empty: names(required).filter((name) => required[name] === undefined),
      isSame: names(required).every((name) => required[name] === imported[name]),
    });
  }
  console.log(JSON.stringify(seen));
})()`;

/** Both ways of loading give the same names; and the same classes where `require` gets the ES modules. */
export async function checkExports({ directory }, { nodeOptions, build }) {
  const script = join(directory, 'load.cjs');
  await writeFile(script, LOAD);
  const [main, testing] = JSON.parse(await node([...nodeOptions, script], { cwd: directory }));
  for (const { entry, path, required, imported, empty, isSame } of [main, testing]) {
    assert.ok(path.includes(join('dist', build)), `${entry}: require() loads ${path}, not the ${build} build.`);
    assert.deepEqual(required, imported);
    assert.ok(empty.length === 0, `${entry}: the exports ${empty.join(', ')} are undefined.`);
    if (build === 'esm') assert.ok(isSame, `${entry}: require() and import() give different classes.`);
  }
  for (const name of ['IdentitySessionModule', 'SessionService', 'SessionGuard', 'CurrentSession']) {
    assert.ok(main.required.includes(name), `${name} is not exported.`);
  }
  assert.ok(testing.required.includes('describeSessionStoreContract'));
}
