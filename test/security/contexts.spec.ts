import { Controller, type INestMicroservice } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ClientProxyFactory, MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { CurrentUserId, type Session, SessionGuard, sessionOf } from 'nestjs-identity-session';
import { type AddressInfo, createServer } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { startTestApp, type TestApp } from '../support/app.js';
import { signedIn } from './support/client.js';

@Controller()
class RpcController {
  @MessagePattern('whoami')
  whoami(): string {
    return 'nobody should get here without a session';
  }

  @MessagePattern('for-me')
  forMe(@CurrentUserId() userId: string): string {
    return userId;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What Nest hands to a guard in a GraphQL resolver: root, arguments, context, info. */
function resolverContext(context: object): ExecutionContextHost {
  const handler = Object.getOwnPropertyDescriptor(RpcController.prototype, 'whoami')?.value as () => string;
  const host = new ExecutionContextHost([{}, {}, context, {}], RpcController, handler);
  host.setType('graphql');
  return host;
}

describe('the guard outside of HTTP', () => {
  let node: TestApp;
  beforeAll(async () => {
    node = await startTestApp({ controllers: [RpcController] });
  });
  afterAll(() => node.close());

  it('refuses an RPC message without a credential with a code, and the service goes on', async () => {
    const port = await freePort();
    const options: MicroserviceOptions = { transport: Transport.TCP, options: { host: '127.0.0.1', port } };
    const service: INestMicroservice = node.app.connectMicroservice<MicroserviceOptions>(options, {
      inheritAppConfig: true,
    });
    await service.listen();
    const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    for (let n = 0; n < 2; n += 1) {
      await expect(firstValueFrom(client.send('whoami', {}))).rejects.toMatchObject({ code: 'SESSION_MISSING' });
    }
    await client.close();
    expect((await fetch(`${node.url}/me`)).status).toBe(401);
  });

  it('finds the credential of an RPC message where the application says that its headers are', async () => {
    const port = await freePort();
    const options: MicroserviceOptions = { transport: Transport.TCP, options: { host: '127.0.0.1', port } };
    const other = await startTestApp({
      joins: node,
      controllers: [RpcController],
      options: {
        rpcHeaders: (message) => message.getData<{ headers?: object } | undefined>()?.headers,
        // Messages say no user agent, which is no other one than the browser's.
        drift: { userAgent: 'end' },
      },
    });
    const service = other.app.connectMicroservice<MicroserviceOptions>(options, { inheritAppConfig: true });
    await service.listen();
    const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    const ask = (headers: unknown) => firstValueFrom(client.send<string>('for-me', { headers }));
    const { token } = await signedIn(node, { userId: 'rpc', userAgent: 'Mozilla/5.0 Firefox/132.0' });
    expect(await ask({ authorization: `Bearer ${token}` })).toBe('rpc');
    expect(await ask({ Authorization: `Bearer ${token}`, cookie: { join: 1 } })).toBe('rpc');
    for (const headers of [undefined, null, 'text', [], { authorization: [`Bearer ${token}`] }, { cookie: {} }]) {
      await expect(ask(headers)).rejects.toMatchObject({ code: 'SESSION_MISSING' });
    }
    await expect(ask({ authorization: 'Bearer x' })).rejects.toMatchObject({ code: 'SESSION_INVALID' });
    await client.close();
    await other.close();
  });

  it('finds the credential in the request of a GraphQL context, and leaves the session with it', async () => {
    const user = await signedIn(node, { userId: 'graphql' });
    const guard = node.app.get(SessionGuard);
    const headers = { authorization: `Bearer ${user.token}` };
    const none = () => undefined;
    const contexts = [
      (request: object) => ({ req: request }),
      (request: object) => ({ request }),
      (request: object) => ({ reply: { request, getHeader: none, removeHeader: none, header: none } }),
    ];
    for (const contextOf of contexts) {
      const request = { headers };
      expect(await guard.canActivate(resolverContext(contextOf(request)))).toBe(true);
      const session: Session | null = sessionOf(request);
      expect(session?.userId).toBe('graphql');
    }
  });

  it('refuses a GraphQL context without a request', () => {
    const guard = node.app.get(SessionGuard);
    expect(() => guard.canActivate(resolverContext({}))).toThrow(expect.objectContaining({ code: 'SESSION_MISSING' }));
  });
});
