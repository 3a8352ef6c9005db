// What a build was made of, so that one that would make the same again is left out: scripts that need the build ask for
// it each, and a run of all checks asks ten times.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What every build depends on: versions of compilers and types, and how the builds are made. */
const ALWAYS = [
  'package-lock.json',
  'tsconfig.json',
  'scripts/build-libs.mjs',
  'scripts/build-server.mjs',
  'scripts/sources.mjs',
];
const NEVER = /\.spec(-support)?\.ts$/;

/** A digest of files and folders. Builds keep it as `stamp` among what they made. */
export function digestOf(paths) {
  const hash = createHash('sha256').update(process.version);
  for (const file of [...ALWAYS, ...paths].flatMap(filesOf)) hash.update(`\0${file}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

/** Whether `stamp` was left by a build of the same, and all of `outputs` are still there. */
export function isBuilt(stamp, digest, outputs) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === digest && outputs.every((path) => existsSync(path));
}

/** To be called when everything else of the build is in its place. */
export function markBuilt(stamp, digest) {
  writeFileSync(stamp, digest);
}

function filesOf(path) {
  if (!statSync(path).isDirectory()) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !NEVER.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}
