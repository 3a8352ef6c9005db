import { Controller, type ExecutionContext, type INestMicroservice } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ClientProxyFactory, MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import {
  AllowPendingSession,
  CurrentUserId,
  type RpcHeadersReader,
  type Session,
  SessionGuard,
  sessionOf,
} from 'nestjs-identity-session';
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

/** What `@CurrentUserId()` gives in a context. */
function currentUserId(context: ExecutionContext): string {
  type Factory = (data: unknown, context: ExecutionContext) => string;
  const parameters: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, RpcController, 'forMe');
  return Object.values(parameters as Record<string, { readonly factory: Factory }>)[0]!.factory(undefined, context);
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

/** Where an application asks for the second factor, on every kind of transport. */
@AllowPendingSession()
class FactorController {
  factor(): void {
    // The guard is what is looked at.
  }
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

  describe('where a transport hands one context to all its messages', () => {
    interface Payload {
      readonly headers?: object;
    }
    const shared: { headers?: object } = {};
    let other: TestApp;
    beforeAll(async () => {
      const rpcHeaders: RpcHeadersReader = (message) =>
        message.getData<Payload | undefined>()?.headers ?? shared.headers;
      other = await startTestApp({ joins: node, controllers: [RpcController], options: { rpcHeaders, strict: true } });
    });
    afterAll(() => other.close());

    const bearerOf = async (userId: string) => ({
      authorization: `Bearer ${(await signedIn(node, { userId })).token}`,
    });
    /** As Nest does it: guards see one array of arguments, and parameters a copy. */
    const send = async (payload: unknown, context: object = shared): Promise<string> => {
      const handler = Object.getOwnPropertyDescriptor(RpcController.prototype, 'forMe')?.value as () => string;
      const host = new ExecutionContextHost([payload, context], RpcController, handler);
      host.setType('rpc');
      await other.app.get(SessionGuard).canActivate(host);
      await other.app.get(SessionGuard).canActivate(host);
      const parameters = new ExecutionContextHost([payload, context], RpcController, handler);
      parameters.setType('rpc');
      return currentUserId(parameters);
    };

    it('[row 67] each is answered as its own user, also where one overtakes another', async () => {
      const users = Array.from({ length: 8 }, (_, n) => `rpc${n}`);
      const payloads = await Promise.all(users.map(async (userId) => ({ headers: await bearerOf(userId) })));
      expect(await Promise.all(payloads.map((payload) => send(payload)))).toEqual(users);
      expect(await Promise.all(payloads.map((payload) => send(payload)))).toEqual(users);
      await expect(send({})).rejects.toMatchObject({ code: 'SESSION_MISSING' });
    });

    it('[row 67] those that nothing tells apart are refused', async () => {
      const context = {};
      shared.headers = await bearerOf('first');
      expect(await send('ping', context)).toBe('first');
      expect(await send('ping', context)).toBe('first');
      shared.headers = await bearerOf('second');
      await expect(send('ping', context)).rejects.toMatchObject({ code: 'SESSION_MISSING' });
      await expect(send('ping', context)).rejects.toMatchObject({ code: 'SESSION_MISSING' });
      expect(await send('ping', {})).toBe('second');
    });
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

  it('[row 10] takes a sign-in that is not complete over HTTP alone, whatever the handler says', async () => {
    const guard = node.app.get(SessionGuard);
    const user = await signedIn(node, { userId: 'halfway', pending: { requirements: [{ name: 'second_factor' }] } });
    const request = { headers: { cookie: user.cookie }, method: 'POST', url: '/' };
    const handler = Object.getOwnPropertyDescriptor(FactorController.prototype, 'factor')?.value as () => void;
    const inContext = (type: 'http' | 'graphql' | 'rpc' | 'ws', ...args: unknown[]) => {
      const host = new ExecutionContextHost(args, FactorController, handler);
      host.setType(type);
      return (async () => guard.canActivate(host))();
    };
    const pending = { code: 'SESSION_PENDING' };
    await expect(inContext('graphql', {}, {}, { req: request }, {})).rejects.toMatchObject(pending);
    await expect(inContext('ws', { handshake: request }, {})).rejects.toMatchObject(pending);
    await expect(inContext('rpc', {}, request)).rejects.toMatchObject(pending);
    const response = { getHeader: () => undefined, setHeader: () => undefined };
    expect(await inContext('http', request, response)).toBe(true);
    expect(sessionOf(request)?.status).toBe('pending');
  });
});
