import { expect, it } from 'vitest';
import { networkOf, reaches } from './network.ts';

const network = (text: string) => {
  const [address = '', mask = ''] = text.split('/');
  return networkOf(address, mask);
};

it.each([
  ['10.0.0.0/255.0.0.0', '10.1.2.3/255.255.255.255', true],
  ['10.0.0.0/255.0.0.0', '11.0.0.0/255.255.255.255', false],
  ['10.1.0.0/255.255.0.0', '10.0.0.0/255.0.0.0', false],
  ['0.0.0.0/0.0.0.0', '192.168.0.0/255.255.0.0', true],
  ['0.0.0.0/0.0.0.0', '::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', false],
  ['fe80::/ffc0::', 'fe80::1:2/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', true],
  ['::/::', 'fe80::/ffc0::', true],
  ['::ffff:0.0.0.0/ffff:ffff:ffff:ffff:ffff:ffff::', '::ffff:10.0.0.1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', true],
  ['10.0.0.9/255.0.0.0', '10.0.0.0/255.0.0.0', true],
])('%s holds %s: %j', (outer, inner, expected) => {
  const [one, other] = [network(outer), network(inner)];
  if (one === null || other === null) throw new Error('no network');

  expect(reaches(one, other)).toBe(expected);
});

it.each([
  'db.example/255.0.0.0',
  '10.0.0.0/255.0.255.0',
  '10.0.0/255.0.0.0',
  '10.0.0.256/255.255.255.255',
  'fe80::1%eth0/ffff::',
  '10.0.0.0/ffff::',
  '1:2:3:4:5:6:7:8:9/ffff::',
])('%s is no network', (text) => {
  expect(network(text)).toBeNull();
});
