import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { ConnectionLimit } from './connection-limit.ts';

test('an address that holds all its connections is turned away with a reason, and let in when one of them has closed', async () => {
  const server = createServer((_request, response) => response.end('served'));
  new ConnectionLimit(2).watch(server, true);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const open = async (localAddress = '127.0.0.1'): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    await once(socket, 'connect');
    return socket;
  };
  const asked = async (socket: Socket): Promise<string> => {
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nhost: v\r\nconnection: close\r\n\r\n');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'close');
    return Buffer.concat(chunks).toString('utf8');
  };

  const [first, second] = [await open(), await open()];
  const turnedAway = await asked(await open());
  const fromElsewhere = await asked(await open('127.0.0.2'));
  const left = once(first, 'close');
  first.destroy();
  await left;
  await expect.poll(async () => asked(await open())).toContain('served');
  second.destroy();
  server.close();

  expect(turnedAway).toContain('503');
  expect(turnedAway).toContain('too-many-connections');
  expect(fromElsewhere).toContain('served');
});
