import { connect } from 'node:net';

/** Sends bytes exactly as given over a connection of their own, and gives the first answer's status and text. */
export async function sendRaw(
  node: { readonly url: string },
  bytes: string | Buffer,
): Promise<{ readonly status: number; readonly text: string }> {
  const { hostname, port } = new URL(node.url);
  const text = await new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      resolve(Buffer.concat(chunks).toString('latin1'));
    });
  });
  return { status: Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(text)?.[1] ?? Number.NaN), text };
}

/** The text of a request; the server closes the connection after its answer. Lines go out as they are. */
export function requestText(method: string, target: string, lines: readonly string[] = [], body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return [`${method} ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...lines, ...length, '', body].join(
    '\r\n',
  );
}
