/** Of socket.io, of Node's emitters, and what Nest answers with. */
const RESERVED: ReadonlySet<string> = new Set([
  'connect',
  'connection',
  'connect_error',
  'disconnect',
  'disconnecting',
  'error',
  'exception',
  'newListener',
  'removeListener',
  'new_namespace',
]);

const LONGEST = 255;

/** Whether an application may send events of that name; what begins with `session:` are the module's own. */
export function isEventName(name: unknown): name is string {
  return (
    typeof name === 'string' &&
    name.length > 0 &&
    name.length <= LONGEST &&
    !RESERVED.has(name) &&
    !name.startsWith('session:')
  );
}
